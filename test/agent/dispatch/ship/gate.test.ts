import fc from 'fast-check'
import { expect, test } from 'vitest'
import { backoff } from '../../../../agent/dispatch/backoff.ts'
import { Gate } from '../../../../agent/dispatch/ship/gate.ts'

const PAUSES = { unavailable: [100, 400], overloaded: [100, 400], parked: [1_000, 1_000] } as const
const gate = () => new Gate(PAUSES, () => 1)

test('after a pause one call probes, and its answer opens the gate', () => {
  const one = gate()
  expect(one.limit(0, 32)).toBe(32)
  one.pause('unavailable', 0)
  expect([one.limit(99, 32), one.limit(100, 32)]).toEqual([0, 1])
  one.answered(100)
  expect([one.limit(100, 32), one.cause, one.until]).toEqual([32, undefined, 0])
})

test('parked, it lets one call at a time through, and its pauses are for what was refused', () => {
  const one = gate()
  one.pause('parked', 0)
  expect([one.limit(0, 32), one.until, one.probeAt]).toEqual([1, 0, 1_000])
  one.pause('parked', 10)
  expect(one.probeAt).toBe(1_000)
  one.answered(10)
  expect([one.limit(10, 32), one.probeAt]).toEqual([32, 0])
})

test('an answer to a call that was under way does not open it', () => {
  const one = gate()
  one.pause('overloaded', 50)
  one.answered(49)
  expect(one.cause).toBe('overloaded')
  one.answered(150)
  expect(one.cause).toBeUndefined()
})

test('pauses grow with each failed probe up to the longest, and start small again after an answer', () => {
  const one = gate()
  const untils = [1, 2, 3, 4, 5].map(() => {
    one.pause('unavailable', one.until)
    return one.until
  })
  expect(untils).toEqual([100, 300, 700, 1_100, 1_500])
  one.answered(1_500)
  one.pause('unavailable', 2_000)
  expect(one.until).toBe(2_100)
})

test('calls that fail together count as one failure', () => {
  const one = gate()
  for (let i = 0; i < 32; i++) one.pause('unavailable', i)
  expect(one.until).toBe(100)
})

test('only several attempts without answer in a row mean that the server is away', () => {
  const one = gate()
  expect([one.timedOut(), one.timedOut(), one.timedOut()]).toEqual([false, false, false])
  one.answered(0)
  expect([1, 2, 3, 4].map(() => one.timedOut())).toEqual([false, false, false, true])
})

test('a back-off lies between half and all of its doubled base, and never above its cap', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 10_000 }), fc.double({ min: 0, max: 1, noNaN: true }), (attempts, random) => {
      const wait = backoff(attempts, 100, 30_000, () => random)
      const full = Math.min(30_000, 100 * 2 ** (attempts - 1))
      expect(wait).toBeGreaterThanOrEqual(full / 2)
      expect(wait).toBeLessThanOrEqual(full)
    }),
  )
})
