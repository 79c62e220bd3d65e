/** Steps per power of two: a percentile is exact to 0.8 %. */
const STEPS = 128
const STEP_BITS = 7
/** 2^31 us, 35 minutes: longer than any timeout of a load. */
const MAX_US = 2 ** 31 - 1

/** Percentiles, milliseconds. */
export interface LatencySummary {
  readonly min: number
  readonly mean: number
  readonly p50: number
  readonly p90: number
  readonly p99: number
  readonly p999: number
  readonly max: number
}

/** Counts latencies in steps of a microsecond, from 256 us on in logarithmic ones. Recording allocates nothing. */
export class LatencyHistogram {
  count = 0
  readonly #counts = new Float64Array((32 - STEP_BITS) * STEPS)
  #sum = 0
  #min = Infinity
  #max = 0

  /** @param ms may be fractional */
  record(ms: number): void {
    this.count++
    this.#sum += ms
    if (ms < this.#min) this.#min = ms
    if (ms > this.#max) this.#max = ms
    const us = Math.min(MAX_US, Math.max(0, ms * 1000)) | 0
    if (us < STEPS) {
      this.#counts[us]!++
    } else {
      const power = 31 - Math.clz32(us)
      this.#counts[(power - STEP_BITS + 1) * STEPS + ((us >>> (power - STEP_BITS)) & (STEPS - 1))]!++
    }
  }

  /** Milliseconds below which the share `q` of all lies. */
  quantile(q: number): number {
    let left = Math.ceil(q * this.count)
    for (const [index, count] of this.#counts.entries()) {
      left -= count
      if (left <= 0 && count > 0) return Math.min(this.#max, upper(index) / 1000)
    }
    return this.#max
  }

  /** All zero when nothing was recorded. */
  summary(): LatencySummary {
    if (this.count === 0) return { min: 0, mean: 0, p50: 0, p90: 0, p99: 0, p999: 0, max: 0 }
    return {
      min: this.#min,
      mean: this.#sum / this.count,
      p50: this.quantile(0.5),
      p90: this.quantile(0.9),
      p99: this.quantile(0.99),
      p999: this.quantile(0.999),
      max: this.#max,
    }
  }
}

/** Upper end of a step, microseconds. */
function upper(index: number): number {
  if (index < STEPS) return index + 1
  const shift = Math.floor(index / STEPS) - 1
  return (STEPS + (index % STEPS) + 1) * 2 ** shift
}
