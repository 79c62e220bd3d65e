/** Milliseconds that the clock must be ahead before it is believed, where nothing else is said. */
const PROBATION_MS = 3_600_000
/** Milliseconds by which it may be put forward at once: corrections, leap seconds. */
const TOLERANCE_MS = 60_000

export interface Clocks {
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** Milliseconds that only move forward. */
  readonly monotonicMs: () => number
}

/**
 * The time of day for whoever forgets what is over. A clock that jumps ahead (a wrong time server, a virtual machine that is
 * moved) and comes back would have him forget what then holds again: revocations, proofs that were used. So a jump ahead is
 * believed after a while, and one back at once.
 */
export class SteadyClock {
  readonly #clocks: Clocks
  readonly #probationMs: number
  /** What the two clocks differ by, as far as that is believed. */
  #offset: number
  /** Since when the clock has been ahead of that, by the monotonic one. */
  #aheadSince: number | undefined

  /** @param probationMs how long a clock must stay ahead: what is remembered for less is over by then, whatever it says */
  constructor(clocks: Clocks, probationMs = PROBATION_MS) {
    this.#clocks = clocks
    this.#probationMs = probationMs
    this.#offset = clocks.now() - clocks.monotonicMs()
  }

  /** Milliseconds since the epoch; to be asked every now and then, or a jump is noticed late. */
  now(): number {
    const monotonic = this.#clocks.monotonicMs()
    const offset = this.#clocks.now() - monotonic
    const isAhead = offset > this.#offset + TOLERANCE_MS
    if (isAhead) this.#aheadSince ??= monotonic
    if (!isAhead || monotonic - (this.#aheadSince ?? monotonic) >= this.#probationMs) {
      this.#offset = offset
      this.#aheadSince = undefined
    }
    return monotonic + this.#offset
  }
}
