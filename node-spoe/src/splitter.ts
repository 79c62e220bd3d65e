import { readFrameLength } from './protocol/frame.ts'

/** Takes the frames that a {@link FrameSplitter} finds. */
export interface FrameSink {
  /** Largest LEN allowed now; read anew for every frame, as HELLO settles it. */
  readonly frameLimit: number
  /** A whole frame without its LEN in `[start, end)`. Returns false to drop everything after it. */
  frame(buffer: Buffer, start: number, end: number): boolean
}

const LENGTH_BYTES = 4

/**
 * Cuts a byte stream into frames, wherever the reads cut it. Whole frames are handed on where they lie in the read.
 * Only an unfinished one is copied, into a buffer of exactly its length, once; what a peer can make us hold is
 * therefore one frame of at most the limit.
 */
export class FrameSplitter {
  #kept: Buffer | undefined = undefined
  #keptLength = 0

  /** Whether the last bytes were the beginning of a frame. */
  get partial(): boolean {
    return this.#kept !== undefined
  }

  /**
   * Takes the first `length` bytes of `chunk`.
   * @throws SpopError for a LEN out of range, before anything of that frame is buffered, and what the sink throws
   */
  push(chunk: Buffer, sink: FrameSink, length = chunk.length): void {
    let position = this.#kept === undefined ? 0 : this.#complete(this.#kept, chunk, 0, length, sink)
    while (length - position >= LENGTH_BYTES) {
      const start = position + LENGTH_BYTES
      const end = start + readFrameLength(chunk, position, sink.frameLimit)
      if (end > length) {
        this.#keep(chunk, position, length, end - position)
        return
      }
      if (!sink.frame(chunk, start, end)) return
      position = end
    }
    if (position < length) this.#keep(chunk, position, length, LENGTH_BYTES)
  }

  #keep(chunk: Buffer, position: number, end: number, size: number): void {
    this.#kept = Buffer.allocUnsafe(size)
    this.#keptLength = chunk.copy(this.#kept, 0, position, end)
  }

  /** Fills up the kept frame from `[position, end)` and hands it on when it is whole. Returns what comes after it. */
  #complete(kept: Buffer, chunk: Buffer, position: number, end: number, sink: FrameSink): number {
    const copied = chunk.copy(
      kept,
      this.#keptLength,
      position,
      Math.min(end, position + kept.length - this.#keptLength),
    )
    this.#keptLength += copied
    if (this.#keptLength < kept.length) return end
    if (kept.length === LENGTH_BYTES) {
      // Only LEN was there so far; a frame is longer than that.
      const size = LENGTH_BYTES + readFrameLength(kept, 0, sink.frameLimit)
      const grown = Buffer.allocUnsafe(size)
      kept.copy(grown, 0, 0, LENGTH_BYTES)
      this.#kept = grown
      return this.#complete(grown, chunk, position + copied, end, sink)
    }
    this.#kept = undefined
    return sink.frame(kept, LENGTH_BYTES, kept.length) ? position + copied : end
  }
}
