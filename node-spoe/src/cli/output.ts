import type { Writable } from 'node:stream'

/** Text is written in portions of about this many characters: a write for every line would take most of the time. */
const PORTION = 64 * 1024

/** Standard output that a large capture neither floods nor overtakes. */
export class TextOutput {
  readonly #stream: Writable
  #text = ''

  constructor(stream: Writable) {
    this.#stream = stream
  }

  readonly write = (text: string): void => {
    this.#text += text
  }

  /** Sends what has come together once it is enough; a promise if the reader has to be waited for. */
  readonly flush = (): Promise<void> | undefined => (this.#text.length < PORTION ? undefined : this.end())

  /** Sends the rest. */
  end(): Promise<void> | undefined {
    const text = this.#text
    this.#text = ''
    if (text === '' || this.#stream.write(text)) return undefined
    return new Promise((resolve) => this.#stream.once('drain', resolve))
  }
}
