/** Something that several generations of the configuration use, closed when the last one has let go of it. */
export class Shared<T> {
  readonly value: T
  readonly #close: (value: T) => void | Promise<void>
  #users = 1

  /** The maker is its first user. */
  constructor(value: T, close: (value: T) => void | Promise<void>) {
    this.value = value
    this.#close = close
  }

  /** One more user. */
  share(): this {
    this.#users++
    return this
  }

  /** One user less; each lets go once. Resolves at once unless it was the last. */
  async release(): Promise<void> {
    this.#users--
    if (this.#users === 0) await this.#close(this.value)
  }
}
