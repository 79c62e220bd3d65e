import { backoff } from '../backoff.ts'

/** Why calls are held back: no answer, a server that needs rest, or a refusal that an operator must mend. */
export type PauseCause = 'unavailable' | 'overloaded' | 'parked'

/**
 * Milliseconds: first and longest pause by cause. A parked server is asked ever more rarely, as only an operator changes
 * that; but one that is just starting refuses in the same words, for a moment.
 */
export const PAUSES: Record<PauseCause, readonly [base: number, cap: number]> = {
  unavailable: [100, 2_000],
  overloaded: [100, 5_000],
  parked: [1_000, 10_000],
}

/** Attempts without answer in a row that make the server count as unavailable: one slow workflow must not. */
const TIMEOUTS_IN_A_ROW = 4

/**
 * Holds all calls back while the server cannot take them. After each pause one call probes; its answer opens the gate,
 * its failure doubles the pause. So an absent server sees one call per pause, whatever waits. Parked, it lets one call at a
 * time through, and the pauses are for those that were refused: see `Denials`.
 */
export class Gate {
  readonly #pauses: typeof PAUSES
  readonly #random: () => number
  #cause: PauseCause | undefined
  #closedAt = 0
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

  /** Milliseconds of the monotonic clock at which a call may go; 0 for at once. */
  get until(): number {
    return this.#cause === 'parked' ? 0 : this.#until
  }

  /** The same for calls of what was refused. */
  get probeAt(): number {
    return this.#until
  }

  /** How many calls may be in flight now, of at most `max`. */
  limit(now: number, max: number): number {
    if (this.#cause === undefined) return max
    return now >= this.until ? 1 : 0
  }

  /**
   * The server answered a call that began at `startedAt`. Opens the gate, unless the call was under way when it closed:
   * an overloaded server still answers some.
   */
  answered(startedAt: number): void {
    this.#timeouts = 0
    if (this.#cause === undefined || startedAt < this.#closedAt) return
    this.#cause = undefined
    this.#until = 0
    this.#failures = 0
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
    this.#closedAt = now
    const [base, cap] = this.#pauses[cause]
    this.#until = now + backoff(++this.#failures, base, cap, this.#random)
  }
}
