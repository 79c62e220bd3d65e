/** Bytes of a file or a pipe, taken in the portions that a reader asks for. Holds one portion and one read at a time. */
export class ByteSource {
  readonly #chunks: AsyncIterator<Uint8Array>
  #kept: Buffer = Buffer.alloc(0)
  #ended = false
  /** Bytes taken so far. */
  offset = 0

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#chunks = source[Symbol.asyncIterator]()
  }

  /** The next `count` bytes, or what is left of them, without taking them. */
  async peek(count: number): Promise<Buffer> {
    if (this.#kept.length < count && !this.#ended) await this.#fill(count)
    return this.#kept.subarray(0, count)
  }

  /** The next `count` bytes, fewer only at the end. */
  async take(count: number): Promise<Buffer> {
    const bytes = await this.peek(count)
    this.#kept = this.#kept.subarray(bytes.length)
    this.offset += bytes.length
    return bytes
  }

  /** Whatever comes next; empty at the end. A live source is not waited for longer than for its next read. */
  async next(): Promise<Buffer> {
    if (this.#kept.length === 0 && !this.#ended) await this.#fill(1)
    return this.take(this.#kept.length)
  }

  async #fill(count: number): Promise<void> {
    const parts: Uint8Array[] = [this.#kept]
    for (let length = this.#kept.length; length < count;) {
      const { done, value } = await this.#chunks.next()
      if (done === true) {
        this.#ended = true
        break
      }
      parts.push(value)
      length += value.length
    }
    this.#kept = Buffer.concat(parts)
  }
}
