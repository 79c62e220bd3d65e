import fc from 'fast-check'
import { expect, it } from 'vitest'
import { Debouncer } from '../../../../agent/dispatch/shape/debounce.ts'

const make = (): Debouncer<string> => new Debouncer({ waitMs: 100, maxWaitMs: 250 })

it('gives the last item of a key once the key has been quiet', () => {
  const held = make()
  expect(held.offer('a1', 'a', 0)).toBeUndefined()
  expect(held.offer('a2', 'a', 60)).toBe('a1')
  expect(held.due(100)).toEqual([])
  expect(held.due(159)).toEqual([])
  expect(held.due(160)).toEqual(['a2'])
  expect(held.due(1000)).toEqual([])
})

it('gives it after the longest wait, however many follow', () => {
  const held = make()
  for (let now = 0; now < 250; now += 50) held.offer(`a${now}`, 'a', now)
  expect(held.due(249)).toEqual([])
  expect(held.due(250)).toEqual(['a200'])
})

it('begins anew with the item that comes after it', () => {
  const held = make()
  held.offer('a1', 'a', 0)
  held.due(100)
  expect(held.offer('a2', 'a', 101)).toBeUndefined()
  expect(held.due(200)).toEqual([])
  expect(held.due(201)).toEqual(['a2'])
})

it('keeps keys apart, and gives first what was due first', () => {
  const held = make()
  held.offer('b', 'b', 10)
  held.offer('a', 'a', 0)
  expect(held.size).toBe(2)
  expect(held.due(500)).toEqual(['a', 'b'])
})

it('says when to ask: never too late', () => {
  const held = make()
  expect(held.nextDue()).toBeUndefined()
  held.offer('a1', 'a', 0)
  expect(held.nextDue()).toBe(100)
  held.offer('a2', 'a', 50)
  held.due(100)
  expect(held.nextDue()).toBe(150)
})

it('gives everything away when it is asked to, and is empty then', () => {
  const held = make()
  held.offer('a', 'a', 0)
  held.offer('b', 'b', 0)
  expect(held.takeAll()).toEqual(['a', 'b'])
  expect([held.size, held.nextDue(), held.due(1e9).length]).toEqual([0, undefined, 0])
  held.offer('c', 'a', 5)
  expect(held.due(105)).toEqual(['c'])
})

it('whatever comes in whatever order: each item goes once or is replaced once, none waits too long', () => {
  const step = fc.record({ key: fc.constantFrom('a', 'b', 'c'), pause: fc.integer({ min: 0, max: 130 }) })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const held = new Debouncer<{ key: string; at: number }>({ waitMs: 100, maxWaitMs: 250 })
      const ended: object[] = []
      const first = new Map<string, number>()
      let now = 0
      const collect = (): void => {
        for (const item of held.due(now)) {
          ended.push(item)
          expect(now - item.at).toBeGreaterThanOrEqual(Math.min(100, 250 - (item.at - (first.get(item.key) ?? 0))))
          first.delete(item.key)
        }
      }
      for (const { key, pause } of steps) {
        // Time goes on in single steps, as timers would have it.
        for (let passed = 0; passed < pause; passed++, now++) collect()
        if (!first.has(key)) first.set(key, now)
        const replaced = held.offer({ key, at: now }, key, now)
        if (replaced !== undefined) ended.push(replaced)
        for (const since of first.values()) expect(now - since).toBeLessThanOrEqual(250)
      }
      const rest = held.takeAll()
      expect(ended.length + rest.length).toBe(steps.length)
      expect(new Set([...ended, ...rest]).size).toBe(steps.length)
    }),
  )
})
