/** What was measured, by label, one value a round. What was not measured is NaN. */
export class Samples {
  readonly #values = new Map<string, number[]>()

  add(label: string, value: number): void {
    const values = this.#values.get(label)
    if (values === undefined) this.#values.set(label, [value])
    else values.push(value)
  }

  median(label: string): number {
    return median(this.#values.get(label) ?? [])
  }

  /**
   * Median of the rounds' ratios, not ratio of the medians: the two values of a round were measured seconds apart, so
   * whatever else the machine was doing touched both.
   */
  ratio(numerator: string, denominator: string): number {
    const below = this.#values.get(denominator) ?? []
    return median((this.#values.get(numerator) ?? []).map((value, round) => value / (below[round] ?? Number.NaN)))
  }

  spread(label: string): { median: number; min: number; max: number } {
    const values = this.#values.get(label) ?? [Number.NaN]
    return { median: median(values), min: Math.min(...values), max: Math.max(...values) }
  }
}

/** The mean of the middle two for an even count; NaN of nothing. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const upper = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
  const lower = sorted[Math.ceil(sorted.length / 2) - 1] ?? Number.NaN
  return (lower + upper) / 2
}
