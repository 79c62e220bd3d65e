import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createLimiter } from '../../../agent/limits/limiter.ts'
import { allowedOf, limiter } from './support.ts'

describe('the token bucket', () => {
  it('allows a burst, then one request as often as the rate says', () => {
    const bucket = limiter('60/1m', { burst: 3 })
    expect(allowedOf(10, bucket, 1_000_000)).toBe(3)
    expect([999, 1000, 1001, 1999, 2000].map((ms) => bucket.take('k', 1_000_000 + ms).allowed)).toEqual([
      false,
      true,
      false,
      false,
      true,
    ])
    expect(allowedOf(10, bucket, 2_000_000)).toBe(3)
  })

  it('has the count of the rate for its burst when nothing else is said', () => {
    expect(allowedOf(20, limiter('7/1h'), 0)).toBe(7)
  })

  it('says what remains, and when to come again', () => {
    const bucket = limiter('2/1m', { burst: 2 })
    const said = (nowMs: number): unknown => ({ ...bucket.take('k', nowMs) })
    expect(said(0)).toEqual({ allowed: true, retryAfterS: 0, remaining: 1 })
    expect(said(0)).toEqual({ allowed: true, retryAfterS: 0, remaining: 0 })
    expect(said(0)).toEqual({ allowed: false, retryAfterS: 30, remaining: 0 })
    expect(said(29_001)).toEqual({ allowed: false, retryAfterS: 1, remaining: 0 })
    expect(said(29_999)).toEqual({ allowed: false, retryAfterS: 1, remaining: 0 })
    expect(said(30_000)).toEqual({ allowed: true, retryAfterS: 0, remaining: 0 })
  })

  const rate = fc.record({
    count: fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 1_000_000 })),
    periodMs: fc.oneof(fc.integer({ min: 1, max: 5000 }), fc.integer({ min: 1, max: 2_592_000_000 })),
  })
  const burst = fc.integer({ min: 1, max: 12 })
  const waits = fc.array(fc.oneof(fc.constant(0), fc.nat(50), fc.nat(100_000), fc.nat(2_592_000_000)), {
    minLength: 10,
    maxLength: 60,
  })

  it('never allows more than burst + rate x time, between any two moments, and what it may it does allow', () => {
    fc.assert(
      fc.property(rate, burst, waits, (of, size, steps) => {
        const bucket = createLimiter({ rate: of, burst: size })
        const [count, period, capacity] = [BigInt(of.count), BigInt(of.periodMs), BigInt(size) * BigInt(of.periodMs)]
        let now = 12_345
        const allowed: number[] = []
        // Tokens times the period, in numbers that have no end.
        let tokens = capacity
        for (const wait of steps) {
          now += wait
          tokens += BigInt(wait) * count
          if (tokens > capacity) tokens = capacity
          const expected = tokens >= period
          if (expected) tokens -= period
          const verdict = bucket.take('k', now)
          expect(verdict.allowed).toBe(expected)
          expect(verdict.remaining).toBe(expected ? Number(tokens / period) : 0)
          if (expected) allowed.push(now)
        }
        for (const [i, from] of allowed.entries()) {
          for (const [j, to] of allowed.entries()) {
            const most = capacity + BigInt(to - from) * count
            if (j >= i && BigInt(j - i + 1) * period > most) throw new Error(`${j - i + 1} from ${from} to ${to}`)
          }
        }
      }),
    )
  })

  it('lets the request through that comes when it said, and none a second before', () => {
    fc.assert(
      fc.property(rate, burst, (of, size) => {
        const bucket = createLimiter({ rate: of, burst: size })
        expect(allowedOf(size, bucket, 0)).toBe(size)
        const { allowed, retryAfterS } = bucket.take('k', 0)
        expect([allowed, retryAfterS >= 1]).toEqual([false, true])
        if (retryAfterS > 1) expect(bucket.peek('k', (retryAfterS - 1) * 1000).allowed).toBe(false)
        expect(bucket.take('k', retryAfterS * 1000).allowed).toBe(true)
      }),
    )
  })
})
