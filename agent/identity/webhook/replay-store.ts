/** Deliveries that are remembered: some 100 bytes each. */
export const MAX_REMEMBERED = 200_000

/** `new` is remembered from now on, `seen` is another request with the same; `full` means that it cannot be, so that nobody could tell a second one. */
export type Sight = 'new' | 'seen' | 'full'

/**
 * Signatures that were accepted, by a digest. Two generations: each lives for as long as a delivery may be shown (with
 * a window), or until the next one is full (without); then it goes as a whole.
 */
export class ReplayStore {
  #lifeMs: number | undefined
  readonly #max: number
  readonly #monotonicMs: () => number
  #current = new Map<string, string>()
  #previous = new Map<string, string>()
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

  /** Remembers what comes for as long as this, if that is longer than before: the settings of its provider may change. */
  atLeast(lifeMs: number): void {
    if (this.#lifeMs !== undefined) this.#lifeMs = Math.max(this.#lifeMs, lifeMs)
  }

  /**
   * Whether it was seen before; from now on it was.
   * @param request id that HAProxy gave the request. It asks again when it lost the connection to an agent: the same
   *   request is no second one.
   */
  see(digest: string, request: string): Sight {
    this.#age()
    const before = this.#current.get(digest) ?? this.#previous.get(digest)
    if (before !== undefined) return before === request ? 'new' : 'seen'
    if (this.size >= this.#max) {
      // What has a time must not be forgotten before it: only who knows a secret can fill this.
      if (this.#lifeMs !== undefined) return 'full'
      this.#rotate()
    }
    this.#current.set(digest, request)
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
    this.#current = new Map()
  }
}
