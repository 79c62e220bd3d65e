/** Lines a burst may write before the rest are only counted. */
const LINES = 10
/** Milliseconds after which there is a budget again. */
const WINDOW_MS = 1_000

/**
 * Keeps a flood of equal events from becoming a flood of log lines: those would cost the decision thread more than the
 * events did.
 */
export class LineBudget {
  #since = -Infinity
  #written = 0
  #suppressed = 0

  /** undefined: write nothing. A number: write, and say that so many lines were left out before. */
  take(now = performance.now()): number | undefined {
    if (now - this.#since >= WINDOW_MS) {
      this.#since = now
      this.#written = 0
    }
    if (this.#written >= LINES) {
      this.#suppressed++
      return undefined
    }
    this.#written++
    const suppressed = this.#suppressed
    this.#suppressed = 0
    return suppressed
  }
}
