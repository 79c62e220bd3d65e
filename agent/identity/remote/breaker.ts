import { backoffMs, keyLimits } from '../refresh-times.ts'
import type { Meaning } from './failure.ts'

export interface BreakerLimits {
  /** Failures in a row after which nobody is asked for a while. */
  readonly breakAfter: number
  /** Milliseconds: first pause, doubled each time up to the second. */
  readonly minBackoffMs: number
  readonly maxBackoffMs: number
}

/**
 * Keeps questions away from a peer that does not answer: after some failures in a row there is a pause, then one question
 * goes out as a probe, and its failure makes the next pause longer. Any answer ends it all, one about a bad question too:
 * else whoever sends bad ones could be the probe each time, and keep the others out.
 */
export class Breaker {
  readonly #limits: BreakerLimits
  readonly #now: () => number
  #failures = 0
  /** Of these, the latest ones in a row that found nobody. */
  #away = 0
  /** Goes up with each pause: the many that fail together because they were asked before it count once. */
  #round = 0
  #pausedUntil = Number.NEGATIVE_INFINITY

  /** @param monotonicMs milliseconds that only move forward */
  constructor(limits: BreakerLimits, monotonicMs: () => number) {
    this.#limits = limits
    this.#now = monotonicMs
  }

  /** Whether the peer is left alone: it is away, or wants none of our questions. */
  get isOpen(): boolean {
    return this.#failures >= this.#limits.breakAfter
  }

  /** Whether nobody is there, as far as we know. Nothing that a peer says counts: see {@link Meaning}. */
  get isAway(): boolean {
    return this.#away >= this.#limits.breakAfter
  }

  /** A ticket for one question, to be handed back with its outcome; undefined during a pause. */
  admit(): number | undefined {
    if (!this.isOpen) return this.#round
    if (this.#now() < this.#pausedUntil) return undefined
    this.#pause() // while this probe is under way there is no other
    return this.#round
  }

  answered(): void {
    this.#failures = 0
    this.#away = 0
  }

  /** @returns whether a pause begins by it */
  failed(ticket: number, meaning: Exclude<Meaning, 'answered'>): boolean {
    // Late or not, it was there.
    if (meaning !== 'away') this.#away = 0
    if (ticket !== this.#round) return false
    this.#failures++
    if (meaning === 'away') this.#away++
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
