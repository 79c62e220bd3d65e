import { SpopError } from '../errors.ts'
import { FrameType, MIN_FRAME_LENGTH } from '../protocol/frame.ts'

/** Takes the frames that a {@link FrameAssembler} finds. */
export interface AssembledFrames {
  /**
   * @param bytes the frame with its LEN, valid until this returns
   * @param offset where it stands in the byte stream
   */
  frame(bytes: Buffer, offset: number, time: bigint | undefined): void
  /** A LEN that cannot be one. What follows is skipped up to the next segment that begins like a frame. */
  broken(error: SpopError, bytes: Buffer, offset: number, time: bigint | undefined): void
  /** Bytes that belong to no frame, because the capture begins or has a gap before them. */
  skipped(count: number): void
}

/** Frames above this are garbage; HAProxy's `max-frame-size` is 16380 by default. */
const MAX_FRAME_BYTES = 1024 * 1024

const LENGTH_BYTES = 4
const NOTHING = Buffer.alloc(0)
/** LEN, TYPE and FLAGS: what a frame is recognised by. */
const RECOGNISED_BYTES = 9
const TYPES: ReadonlySet<number> = new Set(Object.values(FrameType))

/** Whether bytes begin like a frame; undefined while they are too few to know. */
function looksLikeFrame(bytes: Uint8Array): boolean | undefined {
  for (let i = 0; i < Math.min(bytes.length, RECOGNISED_BYTES); i++) {
    // LEN up to 1 MiB, known type, no flags but FIN and ABORT.
    const byte = bytes[i]!
    if (i === 0 && byte !== 0) return false
    if (i === 1 && byte > 0x10) return false
    if (i === 4 && !TYPES.has(byte)) return false
    if (i >= 5 && i < 8 && byte !== 0) return false
    if (i === 8 && byte > 3) return false
  }
  if (bytes.length < RECOGNISED_BYTES) return undefined
  return isLength(lengthAt(bytes))
}

function lengthAt(bytes: Uint8Array): number {
  return bytes[0]! * 2 ** 24 + ((bytes[1]! << 16) | (bytes[2]! << 8) | bytes[3]!)
}

function isLength(length: number): boolean {
  return length >= MIN_FRAME_LENGTH && length <= MAX_FRAME_BYTES
}

/**
 * Cuts one direction of a connection into frames, as FrameSplitter does for live connections, but goes on after what a
 * live connection ends at: garbage, gaps, a start in the middle. What it keeps grows with the bytes that came, never
 * with what a LEN promises.
 */
export class FrameAssembler {
  readonly #sink: AssembledFrames
  /** Whether the next byte is known to begin a frame or to continue one. */
  #synchronised: boolean
  #kept: Buffer = NOTHING
  /** Whether the kept bytes are a copy, not a piece of what was pushed last. */
  #owned = false
  #keptLength = 0
  /** Offset of the first kept byte in the stream. */
  #offset = 0
  #skipped = 0

  constructor(sink: AssembledFrames, synchronised: boolean) {
    this.#sink = sink
    this.#synchronised = synchronised
  }

  /** The beginning of a frame whose end has not come yet. */
  get unfinished(): Buffer {
    return this.#kept.subarray(0, this.#keptLength)
  }

  /** Offset of the first unfinished byte in the stream. */
  get offset(): number {
    return this.#offset
  }

  /** Bytes of memory kept for an unfinished frame. */
  get held(): number {
    return this.#kept.length
  }

  get synchronised(): boolean {
    return this.#synchronised
  }

  push(bytes: Buffer, time: bigint | undefined): void {
    if (!this.#synchronised && !this.#search(bytes)) return
    this.#append(bytes)
    let at = 0
    while (this.#keptLength - at >= LENGTH_BYTES) {
      const rest = this.#kept.subarray(at, this.#keptLength)
      const length = lengthAt(rest)
      if (!isLength(length)) {
        const code = length < MIN_FRAME_LENGTH ? 'ERR_SPOP_FRAME_TOO_SHORT' : 'ERR_SPOP_FRAME_TOO_BIG'
        this.#sink.broken(new SpopError(code, length, MAX_FRAME_BYTES), rest, this.#offset + at, time)
        this.#desynchronise()
        return
      }
      if (rest.length < LENGTH_BYTES + length) break
      this.#sink.frame(rest.subarray(0, LENGTH_BYTES + length), this.#offset + at, time)
      at += LENGTH_BYTES + length
    }
    this.#drop(at)
  }

  gap(missing: number): void {
    this.#skipped += this.#keptLength
    this.#desynchronise()
    this.#offset += missing
  }

  /** Tells what was skipped, if it has not been told yet. */
  finish(): void {
    if (this.#skipped > 0) this.#sink.skipped(this.#skipped)
    this.#skipped = 0
  }

  /** Looks for a frame at the beginning of a segment. Whether there is one. */
  #search(bytes: Buffer): boolean {
    const joined = this.#keptLength === 0 ? bytes : Buffer.concat([this.unfinished, bytes])
    let found = looksLikeFrame(joined)
    if (found === false && this.#keptLength > 0) {
      this.#skipped += this.#keptLength
      this.#drop(this.#keptLength)
      found = looksLikeFrame(bytes)
    }
    if (found === undefined) {
      this.#append(bytes)
      this.#drop(0)
    }
    if (found === false) {
      this.#skipped += bytes.length
      this.#offset += bytes.length
    }
    if (found !== true) return false
    this.finish()
    this.#synchronised = true
    return true
  }

  #desynchronise(): void {
    this.#drop(this.#keptLength)
    this.#synchronised = false
  }

  #append(bytes: Buffer): void {
    if (this.#keptLength === 0) {
      this.#kept = bytes
      this.#owned = false
    } else {
      const length = this.#keptLength + bytes.length
      if (length > this.#kept.length) this.#copy(this.unfinished, Math.max(length, this.#kept.length * 2))
      bytes.copy(this.#kept, this.#keptLength)
    }
    this.#keptLength += bytes.length
  }

  /** Drops what has been dealt with. What is left becomes a copy, as it would keep the whole read alive. */
  #drop(count: number): void {
    this.#offset += count
    const rest = this.#kept.subarray(count, this.#keptLength)
    this.#keptLength = rest.length
    if (rest.length === 0) this.#kept = NOTHING
    else if (count > 0 || !this.#owned) this.#copy(rest, rest.length)
  }

  #copy(bytes: Buffer, capacity: number): void {
    const grown = Buffer.allocUnsafeSlow(capacity)
    bytes.copy(grown)
    this.#kept = grown
    this.#owned = true
  }
}
