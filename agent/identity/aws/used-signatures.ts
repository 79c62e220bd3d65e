/**
 * Signatures that were used, for credentials that count once. Two generations of one window each: what is marked stays
 * marked for a window at least and is forgotten, without a scan, after two.
 */
export class UsedSignatures {
  #windowMs: number
  readonly #max: number
  /** By signature: the request that it came with. */
  #young = new Map<string, string>()
  #old = new Map<string, string>()
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
   * Marks a signature. `same`: it was marked by this very request, of which another rule asks, or HAProxy once more.
   * `full` when no more can be remembered: then the credential must be refused, because forgetting one would make it good
   * again.
   * @param request id that HAProxy gave the request
   * @param monotonicMs milliseconds that only move forward
   */
  use(signature: string, request: string, monotonicMs: number): 'first' | 'same' | 'again' | 'full' {
    this.#turn(monotonicMs)
    const before = this.#young.get(signature) ?? this.#old.get(signature)
    if (before !== undefined) return before === request ? 'same' : 'again'
    if (this.#young.size >= this.#max) return 'full'
    this.#young.set(signature, request)
    return 'first'
  }

  /** It was not used after all: nobody could say whether it is genuine. For what was marked as `first` only. */
  release(signature: string): void {
    this.#young.delete(signature)
    this.#old.delete(signature)
  }

  #turn(now: number): void {
    if (now < this.#turnAt) return
    this.#old = now < this.#turnAt + this.#windowMs ? this.#young : new Map()
    this.#young = new Map()
    this.#turnAt = now + this.#windowMs
  }
}
