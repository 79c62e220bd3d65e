import fc from 'fast-check'
import { expect, test } from 'vitest'
import { backoff, BACKOFF, pause } from '../../workflows/backoff.ts'

test('the pause doubles up to its bound, and no two workers need to agree on it', () => {
  expect([1, 2, 3, 20].map((failures) => backoff(failures, () => 1))).toEqual([250, 500, 1000, 15_000])
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 10_000 }), fc.double({ min: 0, max: 1, noNaN: true }), (failures, random) => {
      const milliseconds = backoff(failures, () => random)
      expect(milliseconds).toBeGreaterThanOrEqual(BACKOFF.first / 2)
      expect(milliseconds).toBeLessThanOrEqual(BACKOFF.longest)
    }),
  )
})

test('a pause ends when it is not needed any more', async () => {
  const stop = new AbortController()
  const paused = pause(2 ** 31 - 1, stop.signal)
  stop.abort()
  await paused
  await pause(2 ** 31 - 1, stop.signal)
})
