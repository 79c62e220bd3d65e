/** Calls a second below which a refusal does not push the pace. */
const MIN_RATE = 1
/** Share of what the server took lately that is tried after a refusal. */
const CUT = 0.8
/** How the pace grows while there are no refusals: by this share of itself, and by one call a second, each second. */
const GROWTH = 0.05
/** A pace so many times that of the last cut has met no refusal for long: there is no limit to see any more. */
const FORGOTTEN = 16
/** Milliseconds that calls are counted for, at least, before it is worked out how many that is in a second. */
const FIRST_MS = 250
/** Seconds of calls that may go at once. */
const BURST_S = 0.05

/**
 * How many calls a second a namespace takes, learned from its refusals: its limit is a setting of the server that nobody
 * tells, and may be shared with other callers. Without refusals there is no pace. A refusal cuts it below what was taken
 * lately, and it grows slowly from there. Times are milliseconds of the monotonic clock.
 */
export class Pace {
  /** Calls a second. */
  #rate = Infinity
  #tokens = 0
  #at = 0
  #cutAt = -Infinity
  #cutRate = Infinity
  /** Calls that were taken in the second that began at `#second`, and in the one before. */
  #taken = 0
  #before = 0
  #second = 0

  /** Whether calls are held to a pace. */
  get isLimited(): boolean {
    return this.#rate !== Infinity
  }

  /** Milliseconds until the next call may go; 0: now. */
  wait(now: number): number {
    if (this.#rate === Infinity) return 0
    this.#refill(now)
    return this.#tokens >= 1 ? 0 : ((1 - this.#tokens) / this.#rate) * 1_000
  }

  /** A call goes. */
  sent(): void {
    if (this.#rate !== Infinity) this.#tokens--
  }

  /** A call was taken. */
  taken(now: number): void {
    this.#roll(now)
    this.#taken++
  }

  /** A call that began at `startedAt` was refused as one too many. Calls that went before the last cut say nothing new. */
  refused(startedAt: number, now: number): void {
    if (startedAt < this.#cutAt) return
    this.#roll(now)
    // At least that: the present second is not over, and its first moments say little.
    const took = Math.max(this.#before, (this.#taken * 1_000) / Math.max(FIRST_MS, now - this.#second))
    this.#rate = Math.max(MIN_RATE, CUT * Math.min(this.#rate, took))
    this.#cutRate = this.#rate
    this.#cutAt = now
    this.#tokens = 0
    this.#at = now
  }

  #roll(now: number): void {
    if (now - this.#second < 1_000) return
    this.#before = now - this.#second < 2_000 ? this.#taken : 0
    this.#taken = 0
    this.#second = now
  }

  #refill(now: number): void {
    const seconds = (now - this.#at) / 1_000
    this.#at = now
    this.#rate += seconds * (1 + GROWTH * this.#rate)
    if (this.#rate > FORGOTTEN * this.#cutRate) this.#rate = Infinity
    this.#tokens = Math.min(Math.max(1, this.#rate * BURST_S), this.#tokens + seconds * this.#rate)
  }
}
