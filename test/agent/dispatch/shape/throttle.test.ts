import fc from 'fast-check'
import { expect, it } from 'vitest'
import { Throttle } from '../../../../agent/dispatch/shape/throttle.ts'

it('lets so many through at once, then one at a time, in their order', () => {
  const throttle = new Throttle<number>({ count: 3, perMs: 300 })
  expect([1, 2, 3, 4, 5].map((item) => throttle.offer(item, 'k', 0))).toEqual([true, true, true, false, false])
  expect(throttle.size).toBe(2)
  expect(throttle.nextDue()).toBe(100)
  expect(throttle.due(99)).toEqual([])
  expect(throttle.due(100)).toEqual([4])
  expect(throttle.nextDue()).toBe(200)
  expect(throttle.due(200)).toEqual([5])
  expect([throttle.size, throttle.nextDue()]).toEqual([0, undefined])
})

it('lets nothing overtake what waits', () => {
  const throttle = new Throttle<number>({ count: 1, perMs: 100 })
  throttle.offer(1, 'k', 0)
  throttle.offer(2, 'k', 0)
  expect(throttle.offer(3, 'k', 100)).toBe(false)
  expect(throttle.due(100)).toEqual([2])
  expect(throttle.due(200)).toEqual([3])
})

it('counts keys apart: one that is full holds no other up', () => {
  const throttle = new Throttle<string>({ count: 1, perMs: 1000 })
  for (let i = 0; i < 50; i++) throttle.offer('a', 'a', 0)
  expect(throttle.offer('b', 'b', 0)).toBe(true)
})

it('gives what has become free while nobody asked, and no more', () => {
  const throttle = new Throttle<number>({ count: 2, perMs: 200 })
  for (let i = 1; i <= 8; i++) throttle.offer(i, 'k', 0)
  expect(throttle.due(10_000)).toEqual([3, 4])
  expect(throttle.due(10_100)).toEqual([5])
})

it('takes rates whose interval is no whole number, and clocks with fractions', () => {
  const throttle = new Throttle<number>({ count: 3, perMs: 1000 })
  for (let i = 1; i <= 5; i++) throttle.offer(i, 'k', 0.9)
  expect(throttle.nextDue()).toBe(334)
  expect(throttle.due(333.9)).toEqual([])
  expect(throttle.due(334.2)).toEqual([4])
  expect(throttle.due(667.5)).toEqual([5])
})

it('gives no time twice when the clock goes back', () => {
  const throttle = new Throttle<number>({ count: 1, perMs: 100 })
  throttle.offer(1, 'k', 1000)
  throttle.offer(2, 'k', 900)
  expect(throttle.due(1000)).toEqual([])
  expect(throttle.due(1100)).toEqual([2])
})

it('gives everything away when it is asked to, and still knows what was used', () => {
  const throttle = new Throttle<number>({ count: 1, perMs: 100 })
  for (let i = 1; i <= 4; i++) throttle.offer(i, i % 2 === 0 ? 'even' : 'odd', 0)
  expect(throttle.takeAll()).toEqual([3, 4])
  expect([throttle.size, throttle.nextDue()]).toEqual([0, undefined])
  expect(throttle.offer(5, 'odd', 50)).toBe(false)
  expect(throttle.due(100)).toEqual([5])
})

it('forgets keys that are idle, so that memory is bounded by those in use', () => {
  const throttle = new Throttle<number>({ count: 5, perMs: 1000 })
  for (let i = 0; i < 10_000; i++) throttle.offer(i, `key ${i}`, i)
  // One event is forgotten after 200 ms, and keys come one in a millisecond.
  expect(throttle.keys).toBeLessThan(500)
})

it('forgets keys in use when there are too many, but none that has something waiting', () => {
  const throttle = new Throttle<number>({ count: 1, perMs: 1000 }, 100)
  for (let i = 0; i < 50; i++) for (let n = 0; n < 2; n++) throttle.offer(i, `waiting ${i}`, 0)
  for (let i = 0; i < 5000; i++) throttle.offer(i, `key ${i}`, 0)
  expect(throttle.keys).toBeLessThan(200)
  expect(throttle.size).toBe(50)
  expect(throttle.due(1000)).toHaveLength(50)
})

it('whatever comes: each key keeps its order and its rate, and nothing is lost', () => {
  const step = fc.record({ key: fc.constantFrom('a', 'b'), pause: fc.integer({ min: 0, max: 90 }) })
  const pace = fc.record({ count: fc.integer({ min: 1, max: 5 }), perMs: fc.integer({ min: 1, max: 400 }) })
  fc.assert(
    fc.property(pace, fc.array(step, { maxLength: 80 }), ({ count, perMs }, steps) => {
      const throttle = new Throttle<{ key: string; n: number }>({ count, perMs })
      const gone: { key: string; n: number; at: number }[] = []
      let now = 0
      const collect = (): void => {
        for (const item of throttle.due(now)) gone.push({ ...item, at: now })
      }
      steps.forEach(({ key, pause }, n) => {
        now += pause
        collect()
        if (throttle.offer({ key, n }, key, now)) gone.push({ key, n, at: now })
      })
      for (let next = throttle.nextDue(); next !== undefined; next = throttle.nextDue()) {
        now = Math.max(now, next)
        collect()
      }
      expect(gone.map(({ n }) => n).toSorted((a, b) => a - b)).toEqual(steps.map((_, n) => n))
      for (const key of ['a', 'b']) {
        const own = gone.filter((item) => item.key === key)
        expect(own.map(({ n }) => n)).toEqual(own.map(({ n }) => n).toSorted((a, b) => a - b))
        for (let i = 0; i < own.length; i++) {
          for (let j = i; j < own.length; j++) {
            const time = (own[j]?.at ?? 0) - (own[i]?.at ?? 0)
            expect(j - i + 1).toBeLessThanOrEqual(count + (count * time) / perMs + 1e-9)
          }
        }
      }
    }),
  )
})
