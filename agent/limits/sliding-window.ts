import { allow, grown, type Meter, refuse, type VerdictSlot } from './meter.ts'
import type { Rate } from './rate.ts'

/**
 * Sliding windows, estimated from two counters: time is cut into periods, and the requests of the last `periodMs` are
 * taken to be those of this period and that share of the last period's which would still be in the window if they had
 * come evenly. Only what is allowed counts.
 *
 * The error: a period as cut never has more than `count` requests. A window that lies across two of them, reaching a
 * share f into the later one, has at most count x (1 + f), always less than twice the count, when all requests of the
 * earlier one came at its end; when they came at its beginning, up to count x (1 - f) requests are refused that an exact
 * window would allow. For requests that come evenly it is off by one at most.
 */
export class SlidingWindows implements Meter {
  readonly #count: number
  readonly #periodMs: number
  /** By slot: the number of the period that the counters are about, requests in it, and in the one before. */
  #period = new Float64Array(0)
  #current = new Float64Array(0)
  #previous = new Float64Array(0)

  constructor({ count, periodMs }: Rate) {
    this.#count = count
    this.#periodMs = periodMs
  }

  resize(capacity: number): void {
    this.#period = grown(this.#period, capacity)
    this.#current = grown(this.#current, capacity)
    this.#previous = grown(this.#previous, capacity)
  }

  clear(slot: number): void {
    this.#period[slot] = 0
    this.#current[slot] = 0
    this.#previous[slot] = 0
  }

  isIdle(slot: number, time: number): boolean {
    const period = Math.floor(time / this.#periodMs)
    return this.#currentIn(slot, period) === 0 && this.#previousTo(slot, period) === 0
  }

  judge(slot: number, time: number, counts: boolean, into: VerdictSlot): void {
    const period = Math.floor(time / this.#periodMs)
    const current = this.#currentIn(slot, period)
    const previous = this.#previousTo(slot, period)
    const left = (period + 1) * this.#periodMs - time
    // Everything times the period, which makes whole numbers of it.
    const free = (this.#count - current - 1) * this.#periodMs - previous * left
    if (free < 0) {
      refuse(into, this.#wait(current, previous, left))
      return
    }
    if (counts) {
      this.#period[slot] = period
      this.#current[slot] = current + 1
      this.#previous[slot] = previous
    }
    allow(into, Math.floor(free / this.#periodMs))
  }

  /** Milliseconds until one more fits. @param left milliseconds of this period */
  #wait(current: number, previous: number, left: number): number {
    const spare = this.#count - current - 1
    // In this period, as soon as little enough of the last one is left.
    if (spare > 0) return left - Math.floor((spare * this.#periodMs) / previous)
    // With the last place of this period free, it takes the whole of the last one to go.
    if (spare === 0) return left
    // In the next one, of which this period is the last one.
    return left + this.#periodMs - Math.floor(((this.#count - 1) * this.#periodMs) / current)
  }

  #currentIn(slot: number, period: number): number {
    return this.#period[slot] === period ? (this.#current[slot] ?? 0) : 0
  }

  #previousTo(slot: number, period: number): number {
    if (this.#period[slot] === period) return this.#previous[slot] ?? 0
    return this.#period[slot] === period - 1 ? (this.#current[slot] ?? 0) : 0
  }
}
