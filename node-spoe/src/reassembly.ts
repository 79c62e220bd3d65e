import { SpopError } from './errors.ts'
import type { FrameHeader } from './protocol/frame.ts'

const INITIAL_BYTES = 32_768

/**
 * A NOTIFY that comes in pieces, which HAProxy up to 3.0 sends to an agent that announced `fragmentation`:
 *
 *   NOTIFY without FIN, UNSET without FIN …, UNSET with FIN     all with one SID and FID (SPOE.txt 3.2.6)
 *   UNSET with FIN and ABORT, empty                             the stream went away: to be forgotten
 *
 * The pieces of one frame follow each other without another frame between them, so a connection has one at a time.
 */
export class Reassembly {
  /** SID and FID as they came, then the payload so far. */
  bytes: Buffer
  readonly idsLength: number
  length: number
  /** The payload is longer than allowed; what there is of it was dropped. */
  overflow = false
  /** When the first piece was read, `performance.now()`. */
  readonly since: number
  readonly #limit: number

  /** @param limit bytes of payload held at most */
  constructor(buffer: Buffer, header: FrameHeader, limit: number, since: number) {
    this.idsLength = header.idsEnd - header.idsStart
    this.#limit = this.idsLength + limit
    this.bytes = Buffer.allocUnsafe(Math.min(INITIAL_BYTES, this.#limit))
    this.length = buffer.copy(this.bytes, 0, header.idsStart, header.idsEnd)
    this.since = since
  }

  /** @throws SpopError ERR_SPOP_FRAME_ID if a piece has other ids */
  requireIds(buffer: Buffer, { idsStart, idsEnd }: FrameHeader): void {
    if (this.bytes.compare(buffer, idsStart, idsEnd, 0, this.idsLength) !== 0) throw new SpopError('ERR_SPOP_FRAME_ID')
  }

  /** Appends `[start, end)`. Above the limit everything is dropped, and only the ids are kept for the answer. */
  add(buffer: Buffer, start: number, end: number): void {
    const length = this.length + end - start
    if (this.overflow || length > this.#limit) {
      this.overflow = true
      this.length = this.idsLength
      // A copy: a part would keep all of it.
      this.bytes = Buffer.from(this.bytes.subarray(0, this.idsLength))
      return
    }
    if (length > this.bytes.length) {
      const grown = Buffer.allocUnsafe(Math.min(Math.max(length, this.bytes.length * 2), this.#limit))
      this.bytes.copy(grown, 0, 0, this.length)
      this.bytes = grown
    }
    buffer.copy(this.bytes, this.length, start, end)
    this.length = length
  }
}
