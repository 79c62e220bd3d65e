import { expect, test } from 'vitest'
import { Pace } from '../../../../agent/dispatch/ship/pace.ts'

/**
 * Calls as fast as the pace lets them go, against a server that takes so many a second (a bucket that holds half a second
 * of them); each call takes a millisecond. Returns how many were taken and refused from `from` to `to`.
 */
function run(pace: Pace, rate: number, from: number, to: number): { taken: number; refused: number } {
  let bucket = rate / 2
  let taken = 0
  let refused = 0
  for (let now = from; now < to; now++) {
    bucket = Math.min(rate / 2, bucket + rate / 1_000)
    // At most so many go in a millisecond, whatever the pace.
    for (let i = 0; i < 5 && pace.wait(now) === 0; i++) {
      pace.sent()
      if (bucket >= 1) {
        bucket--
        taken++
        pace.taken(now)
      } else {
        refused++
        pace.refused(now - 1, now)
      }
    }
  }
  return { taken, refused }
}

test('without refusals there is no pace', () => {
  const pace = new Pace()
  for (let i = 0; i < 1_000; i++) {
    expect(pace.wait(i)).toBe(0)
    pace.sent()
    pace.taken(i)
  }
  expect(pace.isLimited).toBe(false)
})

test.each([20, 200, 2_000])(
  'a namespace that takes %i calls a second is given about as many, and refuses few',
  (rate) => {
    const pace = new Pace()
    run(pace, rate, 0, 10_000)
    expect(pace.isLimited).toBe(true)
    const { taken, refused } = run(pace, rate, 10_000, 60_000)
    expect(taken / 50).toBeGreaterThan(0.7 * rate)
    expect(refused).toBeLessThan(0.02 * taken)
  },
)

test('a namespace that takes nothing is asked about once a second', () => {
  const pace = new Pace()
  const { refused } = run(pace, 0, 0, 20_000)
  expect(refused).toBeGreaterThan(5)
  expect(refused).toBeLessThan(60)
})

test('a limit that was lifted is forgotten', () => {
  const pace = new Pace()
  run(pace, 100, 0, 5_000)
  expect(pace.isLimited).toBe(true)
  run(pace, 1e6, 5_000, 120_000)
  expect(pace.isLimited).toBe(false)
})

test('calls that were under way when the pace was cut do not cut it again', () => {
  const pace = new Pace()
  for (let i = 0; i < 1_000; i++) pace.taken(i)
  pace.refused(999, 1_000)
  const once = pace.wait(1_000)
  for (let i = 0; i < 50; i++) pace.refused(999, 1_000)
  expect(pace.wait(1_000)).toBe(once)
  pace.refused(1_000, 1_000)
  expect(pace.wait(1_000)).toBeGreaterThan(once)
})
