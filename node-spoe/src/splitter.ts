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

  /** @throws SpopError for a LEN out of range, before anything of that frame is buffered, and what the sink throws */
  push(chunk: Buffer, sink: FrameSink): void {
    let position = this.#kept === undefined ? 0 : this.#complete(this.#kept, chunk, sink)
    while (chunk.length - position >= LENGTH_BYTES) {
      const start = position + LENGTH_BYTES
      const end = start + readFrameLength(chunk, position, sink.frameLimit)
      if (end > chunk.length) {
        this.#keep(chunk, position, end - position)
        return
      }
      if (!sink.frame(chunk, start, end)) return
      position = end
    }
    if (position < chunk.length) this.#keep(chunk, position, LENGTH_BYTES)
  }

  #keep(chunk: Buffer, position: number, size: number): void {
    this.#kept = Buffer.allocUnsafe(size)
    this.#keptLength = chunk.copy(this.#kept, 0, position)
  }

  /** Fills up the kept frame and hands it on when it is whole. Returns how much of the chunk is used up. */
  #complete(kept: Buffer, chunk: Buffer, sink: FrameSink): number {
    let used = chunk.copy(kept, this.#keptLength, 0, kept.length - this.#keptLength)
    this.#keptLength += used
    if (this.#keptLength < kept.length) return used
    if (kept.length === LENGTH_BYTES) {
      // Only LEN was there so far; a frame is longer than that.
      const size = LENGTH_BYTES + readFrameLength(kept, 0, sink.frameLimit)
      const grown = Buffer.allocUnsafe(size)
      kept.copy(grown, 0, 0, LENGTH_BYTES)
      this.#kept = grown
      return used + this.#complete(grown, chunk.subarray(used), sink)
    }
    this.#kept = undefined
    if (!sink.frame(kept, LENGTH_BYTES, kept.length)) used = chunk.length
    return used
  }
}
