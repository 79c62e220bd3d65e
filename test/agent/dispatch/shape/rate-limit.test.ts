import { expect, it } from 'vitest'
import { RateLimits } from '../../../../agent/dispatch/shape/rate-limit.ts'
import { actionOf } from './support.ts'

const action = actionOf({ rateLimit: { count: 3, perMs: 1000 } })

function taken(limits: RateLimits, times: readonly number[], key = 'k', of = action): boolean[] {
  return times.map((now) => limits.take(of, key, now))
}

it('takes so many at once, then evenly', () => {
  const limits = new RateLimits()
  expect(taken(limits, [0, 0, 0, 0, 333, 334, 335])).toEqual([true, true, true, false, false, true, false])
})

it('counts each key and each rule by itself', () => {
  const limits = new RateLimits()
  expect(taken(limits, [0, 0, 0, 0])).toEqual([true, true, true, false])
  expect(taken(limits, [0], 'other')).toEqual([true])
  expect(taken(limits, [0], 'k', { ...action, rule: 'other' })).toEqual([true])
})

it('goes on counting when a reload makes an equal action, and begins anew with another rate', () => {
  const limits = new RateLimits()
  taken(limits, [0, 0, 0])
  expect(taken(limits, [0], 'k', { ...action, priority: 1 })).toEqual([false])
  expect(taken(limits, [0], 'k', { ...action, rateLimit: { count: 1, perMs: 1000 } })).toEqual([true])
})

it('takes everything of an action without a rate', () => {
  const limits = new RateLimits()
  expect(taken(limits, [0, 0, 0, 0, 0], 'k', actionOf())).toEqual([true, true, true, true, true])
})

it('remembers a bounded number of keys: the one that has been idle for longest begins anew', () => {
  const limits = new RateLimits(2)
  for (const key of ['a', 'b', 'c']) expect(taken(limits, [0, 0, 0, 0], key)).toEqual([true, true, true, false])
  expect(taken(limits, [0], 'c')).toEqual([false])
  expect(taken(limits, [0], 'a')).toEqual([true])
})
