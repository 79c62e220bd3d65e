import { describe, expect, it } from 'vitest'
import { ALGORITHMS } from '../../../agent/limits/limiter.ts'
import { allowedOf, limiter } from './support.ts'

describe.each(ALGORITHMS)('a %s limiter', (algorithm) => {
  it('has an account for each key, the empty one too', () => {
    const limit = limiter('2/1m', { algorithm })
    expect(['a', 'b', '', 'a'.repeat(500), 'a'.repeat(501)].map((key) => allowedOf(5, limit, 0, key))).toEqual([
      2, 2, 2, 2, 2,
    ])
    expect({ ...counters(limit) }).toEqual({ allowed: 10, limited: 15, evicted: 0, keys: 5 })
  })

  it('forgets the key that was unused for longest when it is full, and counts that', () => {
    const limit = limiter('1/1m', { algorithm, maxKeys: 2 })
    const take = (key: string): boolean => limit.take(key, 0).allowed
    expect([take('a'), take('b'), take('a'), take('c')]).toEqual([true, true, false, true])
    expect([limit.keys, limit.evicted]).toEqual([2, 1])
    // "a" was refused, which is use; "b" had to go and begins anew, at the expense of "a".
    expect([limit.peek('a', 0).allowed, take('b'), limit.evicted, limit.peek('a', 0).allowed]).toEqual([
      false,
      true,
      2,
      true,
    ])
  })

  it('does not count a key as forgotten that had nothing on its account any more', () => {
    const limit = limiter('1/1m', { algorithm, maxKeys: 2 })
    for (let i = 0; i < 10; i++) limit.take(`key ${i}`, i * 120_000)
    expect([limit.keys, limit.evicted]).toEqual([2, 0])
  })

  it('counts every key that gets around the limit when keys are made up', () => {
    const limit = limiter('1/1h', { algorithm, maxKeys: 100 })
    for (let i = 0; i < 10_000; i++) limit.take(`key ${i}`, i)
    expect({ ...counters(limit) }).toEqual({ allowed: 10_000, limited: 0, evicted: 9900, keys: 100 })
  })

  it('asks without counting and without remembering', () => {
    const limit = limiter('2/1m', { algorithm, maxKeys: 1 })
    for (let i = 0; i < 10; i++)
      expect({ ...limit.peek(`key ${i}`, 0) }).toEqual({ allowed: true, retryAfterS: 0, remaining: 1 })
    expect({ ...counters(limit) }).toEqual({ allowed: 0, limited: 0, evicted: 0, keys: 0 })
    expect(allowedOf(3, limit, 0)).toBe(2)
    expect([limit.peek('k', 0).allowed, limit.limited]).toEqual([false, 1])
  })

  it('neither opens nor closes when the clock goes back', () => {
    const limit = limiter('10/10s', { algorithm })
    const start = 1_000_000_000
    expect(allowedOf(20, limit, start)).toBe(10)
    expect(allowedOf(20, limit, start - 3_600_000)).toBe(0)
    expect(allowedOf(20, limit, start - 3_600_000 + 15_000)).toBeGreaterThan(4)
  })

  it('stays shut while time stands still', () => {
    const limit = limiter('3/1s', { algorithm })
    expect([allowedOf(1000, limit, 5), allowedOf(1000, limit, 5), allowedOf(1000, limit, Number.NaN)]).toEqual([
      3, 0, 0,
    ])
  })

  it('is what it is after a quiet time when the clock jumps ahead', () => {
    const limit = limiter('5/1s', { algorithm })
    allowedOf(20, limit, 0)
    expect([allowedOf(20, limit, 1e15), allowedOf(20, limit, 1e15 + 1)]).toEqual([5, 0])
  })

  it('makes no garbage for a key that it knows', () => {
    const limit = limiter('100/1m', { algorithm })
    let sum = 0
    const run = (times: number): void => {
      for (let i = 0; i < times; i++) sum += limit.take(i % 2 === 0 ? 'a' : 'b', i * 0.37).retryAfterS
    }
    run(300_000)
    const before = process.memoryUsage().heapUsed
    run(300_000)
    // 16 bytes each, the smallest object there is, would be 4.8 million.
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(1_000_000)
    expect(sum).toBeGreaterThan(0)
  })
})

function counters({ allowed, limited, evicted, keys }: ReturnType<typeof limiter>): object {
  return { allowed, limited, evicted, keys }
}
