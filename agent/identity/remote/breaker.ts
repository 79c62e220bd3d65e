import { backoffMs, keyLimits } from '../refresh-times.ts'

export interface BreakerLimits {
  /** Failures in a row after which nobody is asked for a while. */
  readonly breakAfter: number
  /** Milliseconds: first pause, doubled each time up to the second. */
  readonly minBackoffMs: number
  readonly maxBackoffMs: number
}

/**
 * Keeps questions away from a peer that does not answer: after some failures in a row there is a pause, then one question
 * goes out as a probe, and its failure makes the next pause longer. A success ends it all.
 */
export class Breaker {
  readonly #limits: BreakerLimits
  readonly #now: () => number
  #failures = 0
  /** Goes up with each pause: the many that fail together because they were asked before it count once. */
  #round = 0
  #pausedUntil = Number.NEGATIVE_INFINITY

  /** @param monotonicMs milliseconds that only move forward */
  constructor(limits: BreakerLimits, monotonicMs: () => number) {
    this.#limits = limits
    this.#now = monotonicMs
  }

  /** Whether the peer is believed to be down. */
  get isOpen(): boolean {
    return this.#failures >= this.#limits.breakAfter
  }

  /** A ticket for one question, to be handed back with its outcome; undefined during a pause. */
  admit(): number | undefined {
    if (!this.isOpen) return this.#round
    if (this.#now() < this.#pausedUntil) return undefined
    this.#pause() // while this probe is under way there is no other
    return this.#round
  }

  succeeded(): void {
    this.#failures = 0
  }

  /** @returns whether a pause begins by it */
  failed(ticket: number): boolean {
    if (ticket !== this.#round) return false
    this.#failures++
    if (!this.isOpen) return false
    this.#round++
    this.#pause()
    return true
  }

  #pause(): void {
    const pauses = this.#failures - this.#limits.breakAfter + 1
    this.#pausedUntil = this.#now() + backoffMs(pauses, { ...keyLimits, ...this.#limits }, Math.random())
  }
}
