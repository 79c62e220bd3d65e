import { allow, grown, type Meter, refuse, type VerdictSlot } from './meter.ts'
import type { Rate } from './rate.ts'

/**
 * Token buckets: each holds `burst` tokens at most, gains them at the rate, continuously, and a request takes one. In any
 * time at most burst + rate x time requests are allowed, exactly: what is missing from a bucket is counted in tokens
 * times the period, which makes everything a whole number below 2^53.
 */
export class TokenBuckets implements Meter {
  readonly #count: number
  /** One token. */
  readonly #token: number
  readonly #capacity: number
  /** By slot: what is missing from the bucket, at the time beside it. */
  #missing = new Float64Array(0)
  #since = new Float64Array(0)

  constructor({ count, periodMs }: Rate, burst: number) {
    this.#count = count
    this.#token = periodMs
    this.#capacity = burst * periodMs
  }

  resize(capacity: number): void {
    this.#missing = grown(this.#missing, capacity)
    this.#since = grown(this.#since, capacity)
  }

  clear(slot: number): void {
    this.#missing[slot] = 0
    this.#since[slot] = 0
  }

  isIdle(slot: number, time: number): boolean {
    return this.#missingAt(slot, time) === 0
  }

  judge(slot: number, time: number, counts: boolean, into: VerdictSlot): void {
    const missing = this.#missingAt(slot, time)
    const after = missing + this.#token
    if (after > this.#capacity) {
      refuse(into, (after - this.#capacity) / this.#count)
      return
    }
    if (counts) {
      this.#missing[slot] = after
      this.#since[slot] = time
    }
    allow(into, Math.floor((this.#capacity - after) / this.#token))
  }

  #missingAt(slot: number, time: number): number {
    // A time so long that the product is no whole number any more has filled the bucket anyway.
    return Math.max(0, (this.#missing[slot] ?? 0) - (time - (this.#since[slot] ?? 0)) * this.#count)
  }
}
