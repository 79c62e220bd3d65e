import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { joinedKey } from '../../../../agent/dispatch/shape/keys.ts'
import { Shaper } from '../../../../agent/dispatch/shape/shaper.ts'
import { actionOf } from './support.ts'

const quiet = actionOf({ rule: 'quiet', debounce: { waitMs: 100, maxWaitMs: 500 } })
const paced = actionOf({ rule: 'paced', throttle: { count: 1, perMs: 100 } })
const both = actionOf({
  rule: 'both',
  debounce: { waitMs: 100, maxWaitMs: 500 },
  throttle: { count: 1, perMs: 1000 },
})

function make(): { shaper: Shaper<string>; coalesced: string[] } {
  const coalesced: string[] = []
  return { shaper: new Shaper((item) => coalesced.push(item)), coalesced }
}

it('holds back nothing of an action that does not ask for it', () => {
  const { shaper } = make()
  expect(shaper.offer('a', actionOf(), 'k', 0)).toBe('now')
  expect([shaper.size, shaper.nextDue()]).toEqual([0, undefined])
})

it('holds a debounced item until it is quiet, and tells of those that were replaced', () => {
  const { shaper, coalesced } = make()
  expect(shaper.offer('a', quiet, 'k', 0)).toBe('held')
  expect(shaper.offer('b', quiet, 'k', 50)).toBe('held')
  expect(coalesced).toEqual(['a'])
  expect(shaper.due(149)).toEqual([])
  expect(shaper.due(150)).toEqual(['b'])
  expect(shaper.nextDue()).toBeUndefined()
})

it('lets a throttled item go at once when it is its turn', () => {
  const { shaper } = make()
  expect(shaper.offer('a', paced, 'k', 0)).toBe('now')
  expect(shaper.offer('b', paced, 'k', 0)).toBe('held')
  expect(shaper.offer('c', paced, 'other', 0)).toBe('now')
  expect(shaper.nextDue()).toBe(100)
  expect(shaper.due(100)).toEqual(['b'])
})

it('throttles what has become quiet, each part by its own key', () => {
  const { shaper } = make()
  const keyOf = (document: string): string => joinedKey(both, (part) => (part === 'debounce' ? document : 'all'))
  for (const [now, document] of ['x', 'y', 'z'].entries()) shaper.offer(document, both, keyOf(document), now)
  expect(shaper.due(102)).toEqual(['x'])
  expect(shaper.size).toBe(2)
  expect(shaper.due(1102)).toEqual(['y'])
  expect(shaper.due(2102)).toEqual(['z'])
  expect([shaper.size, shaper.nextDue()]).toEqual([0, undefined])
})

it('what waits for its turn goes before what has just become quiet', () => {
  const { shaper } = make()
  const key = (document: string): string => joinedKey(both, (part) => (part === 'debounce' ? document : 'all'))
  shaper.offer('first', both, key('1'), 0)
  shaper.offer('second', both, key('2'), 0)
  shaper.due(100)
  shaper.offer('third', both, key('3'), 900)
  expect(shaper.due(1100)).toEqual(['second'])
  expect(shaper.due(2100)).toEqual(['third'])
})

it('asks to be asked by what is due first of all rules', () => {
  const { shaper } = make()
  shaper.offer('a', quiet, 'k', 40)
  shaper.offer('b', paced, 'k', 0)
  shaper.offer('c', paced, 'k', 0)
  expect(shaper.nextDue()).toBe(100)
  shaper.due(100)
  expect(shaper.nextDue()).toBe(140)
})

describe('at a stop', () => {
  it('everything goes, what waited for its turn in front', () => {
    const { shaper, coalesced } = make()
    for (const item of ['a', 'b', 'c']) shaper.offer(item, paced, 'k', 0)
    shaper.offer('d', quiet, 'k', 0)
    expect(shaper.flush()).toEqual(['b', 'c', 'd'])
    expect([shaper.size, shaper.nextDue(), shaper.due(1e9).length, coalesced.length]).toEqual([0, undefined, 0, 0])
  })
})

describe('when a rule is paused', () => {
  it('its items are given back, and those of others stay', () => {
    const { shaper } = make()
    shaper.offer('a', paced, 'k', 0)
    shaper.offer('b', paced, 'k', 0)
    shaper.offer('c', quiet, 'k', 0)
    expect(shaper.recall('paced')).toEqual(['b'])
    expect(shaper.recall('paced')).toEqual([])
    expect(shaper.recall('unknown')).toEqual([])
    expect(shaper.due(100)).toEqual(['c'])
  })

  it('they are shaped again when they come back, under the rate that they had', () => {
    const { shaper } = make()
    shaper.offer('a', paced, 'k', 0)
    shaper.offer('b', paced, 'k', 0)
    const [item = ''] = shaper.recall('paced')
    expect(shaper.offer(item, paced, 'k', 50)).toBe('held')
    expect(shaper.due(100)).toEqual(['b'])
  })
})

describe('after a reload', () => {
  it('an equal action goes on where the other one was', () => {
    const { shaper, coalesced } = make()
    shaper.offer('a', quiet, 'k', 0)
    shaper.offer('b', { ...quiet, priority: 2 }, 'k', 50)
    expect(coalesced).toEqual(['a'])
    expect(shaper.size).toBe(1)
  })

  it('what is held under other settings still goes, by those', () => {
    const { shaper } = make()
    const slower = { ...paced, throttle: { count: 1, perMs: 1000 } }
    for (const item of ['a', 'b']) shaper.offer(item, paced, 'k', 0)
    for (const item of ['c', 'd']) shaper.offer(item, slower, 'k', 0)
    expect(shaper.size).toBe(2)
    expect(shaper.due(100)).toEqual(['b'])
    shaper.offer('e', paced, 'k', 100)
    expect(shaper.due(200)).toEqual(['e'])
    expect(shaper.due(1000)).toEqual(['d'])
    expect(shaper.recall('paced')).toEqual([])
  })
})

it('takes many at once: what is held may be as much as memory', () => {
  const { shaper } = make()
  for (let i = 0; i < 300_000; i++) shaper.offer(String(i), paced, 'k', 0)
  expect(shaper.flush()).toHaveLength(299_999)
})

it('whatever is offered ends once: it went at once, was due, coalesced, recalled or flushed', () => {
  const actions = [actionOf(), quiet, paced, both]
  const step = fc.record({
    action: fc.constantFrom(...actions),
    key: fc.constantFrom('a', 'b', 'c'),
    pause: fc.integer({ min: 0, max: 200 }),
    recall: fc.boolean(),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
      const ended: number[] = []
      const shaper = new Shaper<number>((item) => void ended.push(item))
      let now = 0
      let offered = 0
      for (const { action, key, pause, recall } of steps) {
        now += pause
        ended.push(...shaper.due(now))
        if (recall && pause % 5 === 0) ended.push(...shaper.recall(action.rule))
        const text = joinedKey(action, () => key)
        if (shaper.offer(offered, action, text, now) === 'now') ended.push(offered)
        offered++
        expect(ended.length + shaper.size).toBe(offered)
        const next = shaper.nextDue()
        if (next === undefined) expect(shaper.size).toBe(0)
      }
      ended.push(...shaper.flush())
      expect(ended.toSorted((a, b) => a - b)).toEqual(steps.map((_, i) => i))
    }),
  )
})
