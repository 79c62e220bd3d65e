import { backoff } from './backoff.ts'

/** Why calls are held back: no answer, too many calls, or a refusal that an operator must mend. */
export type PauseCause = 'unavailable' | 'throttled' | 'parked'

/** Milliseconds: first and longest pause by cause. A parked server is asked rarely, as only an operator changes that. */
export const PAUSES: Record<PauseCause, readonly [base: number, cap: number]> = {
  unavailable: [100, 2_000],
  throttled: [100, 5_000],
  parked: [10_000, 10_000],
}

/** Attempts without answer in a row that make the server count as unavailable: one slow workflow must not. */
const TIMEOUTS_IN_A_ROW = 4

/**
 * Holds all calls back while the server cannot take them. After each pause one call probes; its answer opens the gate,
 * its failure doubles the pause. So an absent server sees one call per pause, whatever waits.
 */
export class Gate {
  readonly #pauses: typeof PAUSES
  readonly #random: () => number
  #cause: PauseCause | undefined
  #until = 0
  #failures = 0
  #timeouts = 0

  constructor(pauses: typeof PAUSES = PAUSES, random: () => number = Math.random) {
    this.#pauses = pauses
    this.#random = random
  }

  /** The cause of the present pause or probe; undefined while calls flow. */
  get cause(): PauseCause | undefined {
    return this.#cause
  }

  /** Milliseconds of the monotonic clock at which the next probe may go; 0 while calls flow. */
  get until(): number {
    return this.#until
  }

  /** How many calls may be in flight now, of at most `max`. */
  limit(now: number, max: number): number {
    if (this.#cause === undefined) return max
    return now >= this.#until ? 1 : 0
  }

  /** The server answered: calls flow again. Returns whether they did not before. */
  answered(): boolean {
    const wasClosed = this.#cause !== undefined
    this.#cause = undefined
    this.#until = 0
    this.#failures = 0
    this.#timeouts = 0
    return wasClosed
  }

  /** An attempt got no answer in time. Returns whether that makes the server count as unavailable. */
  timedOut(): boolean {
    return ++this.#timeouts >= TIMEOUTS_IN_A_ROW
  }

  /** Holds calls back. Calls that were under way together and fail together count as one failure. */
  pause(cause: PauseCause, now: number): void {
    if (this.#cause === cause && now < this.#until) return
    if (this.#cause !== cause) this.#failures = 0
    this.#cause = cause
    const [base, cap] = this.#pauses[cause]
    this.#until = now + backoff(++this.#failures, base, cap, this.#random)
  }
}
