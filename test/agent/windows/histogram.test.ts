import fc from 'fast-check'
import { expect, test } from 'vitest'
import { bucketOf, BUCKETS, LONGEST_MS, upperBound } from '../../../agent/windows/histogram.ts'

test('every value lies in its bucket, and what the bucket says of it is at most 4 % too high', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: LONGEST_MS }), (ms) => {
      const bucket = bucketOf(ms)
      const bound = upperBound(bucket)
      expect(bound).toBeGreaterThanOrEqual(ms)
      expect(bound - ms).toBeLessThanOrEqual(ms * 0.04)
      if (bucket > 0) expect(upperBound(bucket - 1)).toBeLessThan(ms)
    }),
    { numRuns: 5000 },
  )
})

test('the buckets are numbered without a gap, and the last one ends with the longest latency', () => {
  const bounds = Array.from({ length: BUCKETS }, (_, bucket) => upperBound(bucket))
  expect(bounds.map(bucketOf)).toEqual(bounds.map((_, bucket) => bucket))
  expect(bounds.at(-1)).toBe(LONGEST_MS)
})
