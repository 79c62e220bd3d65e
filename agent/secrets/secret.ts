import { inspect } from 'node:util'

const REDACTED = '[redacted]'

/** A text that must not get into logs, metrics, errors or JSON: every way of printing it gives `[redacted]`. */
export class Secret {
  readonly #text: string

  constructor(text: string) {
    this.#text = text
  }

  /** The text itself: for the one call that needs it, never for a variable that lives on. */
  reveal(): string {
    return this.#text
  }

  toString(): string {
    return REDACTED
  }

  toJSON(): string {
    return REDACTED
  }

  /** What `+` and `==` would take. */
  [Symbol.toPrimitive](): string {
    return REDACTED
  }

  [inspect.custom](): string {
    return REDACTED
  }
}
