/**
 * Signatures that were used, for credentials that count once. Two generations of one window each: what is marked stays
 * marked for a window at least and is forgotten, without a scan, after two.
 */
export class UsedSignatures {
  #windowMs: number
  readonly #max: number
  #young = new Set<string>()
  #old = new Set<string>()
  #turnAt = Number.NEGATIVE_INFINITY

  /**
   * @param windowMs for how long a signature could be used again: its greatest age, and how far ahead its date may lie
   * @param max entries of a generation
   */
  constructor(windowMs: number, max: number) {
    this.#windowMs = windowMs
    this.#max = max
  }

  get size(): number {
    return this.#young.size + this.#old.size
  }

  /** Marks what comes for as long as this, if that is longer than before: the settings of its provider may change. */
  atLeast(windowMs: number): void {
    this.#windowMs = Math.max(this.#windowMs, windowMs)
  }

  /**
   * Marks a signature. `full` when no more can be remembered: then the credential must be refused, because forgetting one
   * would make it good again.
   * @param monotonicMs milliseconds that only move forward
   */
  use(signature: string, monotonicMs: number): 'first' | 'again' | 'full' {
    this.#turn(monotonicMs)
    if (this.#young.has(signature) || this.#old.has(signature)) return 'again'
    if (this.#young.size >= this.#max) return 'full'
    this.#young.add(signature)
    return 'first'
  }

  /** It was not used after all: nobody could say whether it is genuine. */
  release(signature: string): void {
    this.#young.delete(signature)
    this.#old.delete(signature)
  }

  #turn(now: number): void {
    if (now < this.#turnAt) return
    this.#old = now < this.#turnAt + this.#windowMs ? this.#young : new Set()
    this.#young = new Set()
    this.#turnAt = now + this.#windowMs
  }
}
