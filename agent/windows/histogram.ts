/**
 * A log-linear histogram of whole milliseconds: below 64 each value has a bucket of its own, above that each doubling is
 * cut into 32 buckets of equal width. What a bucket says of a value, its upper bound, is at most 3.2 % too high.
 */

const EXACT = 64
/** Buckets of one doubling. */
const STEPS = 32
/** Doublings from 64 ms on: up to 2^22 ms, 70 minutes. */
const DOUBLINGS = 16

export const BUCKETS = EXACT + STEPS * DOUBLINGS

/** The longest latency in milliseconds that is told apart; longer ones count as this one. */
export const LONGEST_MS = EXACT * 2 ** DOUBLINGS - 1

/** @param ms a whole number from 0 to {@link LONGEST_MS} */
export function bucketOf(ms: number): number {
  if (ms < EXACT) return ms
  const doubling = 31 - Math.clz32(ms) - 6
  // The value in units of its bucket's width has its highest bit at 32: what is below it is the step.
  return EXACT + doubling * STEPS + (ms >>> (doubling + 1)) - STEPS
}

/** The largest value of a bucket, in milliseconds. */
export function upperBound(bucket: number): number {
  if (bucket < EXACT) return bucket
  const doubling = Math.floor((bucket - EXACT) / STEPS)
  const step = (bucket - EXACT) % STEPS
  return (STEPS + step + 1) * 2 ** (doubling + 1) - 1
}
