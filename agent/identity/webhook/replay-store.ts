/** Deliveries that are remembered: some 100 bytes each. */
export const MAX_REMEMBERED = 200_000

/** `new` is remembered from now on; `full` means that it cannot be, so that nobody could tell a second one. */
export type Sight = 'new' | 'seen' | 'full'

/**
 * Signatures that were accepted, by a digest. Two generations: each lives for as long as a delivery may be shown (with
 * a window), or until the next one is full (without); then it goes as a whole.
 */
export class ReplayStore {
  readonly #lifeMs: number | undefined
  readonly #max: number
  readonly #monotonicMs: () => number
  #current = new Set<string>()
  #previous = new Set<string>()
  #since: number

  /** @param lifeMs how long after it was first seen a delivery could be accepted again; undefined: for ever */
  constructor(lifeMs: number | undefined, monotonicMs: () => number, max = MAX_REMEMBERED) {
    this.#lifeMs = lifeMs
    this.#max = max
    this.#monotonicMs = monotonicMs
    this.#since = monotonicMs()
  }

  get size(): number {
    return this.#current.size + this.#previous.size
  }

  /** Whether it was seen before; from now on it was. */
  see(digest: string): Sight {
    this.#age()
    if (this.#current.has(digest) || this.#previous.has(digest)) return 'seen'
    if (this.size >= this.#max) {
      // What has a time must not be forgotten before it: only who knows a secret can fill this.
      if (this.#lifeMs !== undefined) return 'full'
      this.#rotate()
    }
    this.#current.add(digest)
    return 'new'
  }

  #age(): void {
    if (this.#lifeMs === undefined) {
      if (this.#current.size >= this.#max / 2) this.#rotate()
      return
    }
    const now = this.#monotonicMs()
    if (now - this.#since < this.#lifeMs) return
    this.#rotate()
    // After a quiet time both are too old.
    if (now - this.#since >= 2 * this.#lifeMs) this.#rotate()
    this.#since = now
  }

  #rotate(): void {
    this.#previous = this.#current
    this.#current = new Set()
  }
}
