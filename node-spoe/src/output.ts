/** Room for the ACKs of a full pipeline; large fresh buffers are slow (64 KiB: 3.6 us), so they are reused. */
const BUFFER_BYTES = 16_384
const MAX_SPARE = 64

/** Output buffers that no socket holds any more. */
export class OutputPool {
  readonly #spare: Buffer[] = []

  take(): Buffer {
    return this.#spare.pop() ?? Buffer.allocUnsafeSlow(BUFFER_BYTES)
  }

  give(buffer: Buffer): void {
    if (buffer.length === BUFFER_BYTES && this.#spare.length < MAX_SPARE) this.#spare.push(buffer)
  }
}

const NONE = Buffer.alloc(0)

/** Bytes of one connection that wait for the next write. Holds a buffer only while there are any. */
export class Output {
  readonly #pool: OutputPool
  #bytes: Buffer = NONE
  length = 0

  constructor(pool: OutputPool) {
    this.#pool = pool
  }

  /** The buffer with room for `count` more bytes at `length`. */
  reserve(count: number): Buffer {
    if (this.length + count > this.#bytes.length) this.#grow(this.length + count)
    return this.#bytes
  }

  append(frame: Buffer): void {
    frame.copy(this.reserve(frame.length), this.length)
    this.length += frame.length
  }

  /** The whole buffer, of which the first `length` bytes count; the output is empty afterwards. */
  take(): Buffer {
    const bytes = this.#bytes
    this.#bytes = NONE
    this.length = 0
    return bytes
  }

  #grow(size: number): void {
    if (this.#bytes === NONE && size <= BUFFER_BYTES) {
      this.#bytes = this.#pool.take()
      return
    }
    const grown = Buffer.allocUnsafeSlow(Math.max(size, this.#bytes.length * 2))
    this.#bytes.copy(grown, 0, 0, this.length)
    this.#pool.give(this.#bytes)
    this.#bytes = grown
  }
}
