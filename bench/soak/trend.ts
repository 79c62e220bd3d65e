import { median } from '../samples.ts'

/** A value over time. */
export interface Point {
  readonly atMs: number
  readonly value: number
}

/**
 * Slope per millisecond after Theil and Sen: the median of the slopes between all pairs, which single peaks do not move.
 * 0 for fewer than two points.
 */
export function slope(points: readonly Point[]): number {
  const slopes: number[] = []
  for (const [i, from] of points.entries()) {
    for (const to of points.slice(i + 1)) slopes.push((to.value - from.value) / (to.atMs - from.atMs))
  }
  return slopes.length === 0 ? 0 : median(slopes)
}

export interface Trend {
  /** Middle value after the warm-up. */
  readonly median: number
  readonly max: number
  /** By the slope, from the end of the warm-up to the end. */
  readonly growth: number
  readonly perHour: number
}

export function trend(points: readonly Point[]): Trend {
  const perMs = slope(points)
  const values = points.map(({ value }) => value)
  const elapsedMs = (points.at(-1)?.atMs ?? 0) - (points[0]?.atMs ?? 0)
  return { median: median(values), max: Math.max(...values), growth: perMs * elapsedMs, perHour: perMs * 3_600_000 }
}
