import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { WindowSummary } from '../../../agent/messages.ts'
import { OTHER_KEYS, type WindowRule, WindowTable } from '../../../agent/windows/window-table.ts'

const API: WindowRule = { rule: 'api', everyMs: 10_000 }
const NOON = 1_760_000_000_000

const outcome = { status: 200, latencyMs: 5, bytes: 1, server: 's1' }
const ids = (summaries: readonly WindowSummary[]) => summaries.map(({ id }) => id)

test('requests are counted by rule, key and interval of the clock', () => {
  const table = new WindowTable('a')
  const search: WindowRule = { rule: 'search', everyMs: 60_000 }
  table.add(API, 'acme', outcome, NOON + 1)
  table.add(API, 'acme', outcome, NOON + 9999)
  table.add(API, 'initech', outcome, NOON + 2)
  table.add(API, 'acme', outcome, NOON + 10_000)
  table.add(search, 'acme', outcome, NOON + 3)
  expect(table.size).toBe(4)
  expect(table.all().map(({ id, rule, key, from, to, requests }) => [id, rule, key, to - from, requests])).toEqual([
    [`api/acme/${NOON}/a`, 'api', 'acme', 10_000, 2],
    [`api/initech/${NOON}/a`, 'api', 'initech', 10_000, 1],
    [`api/acme/${NOON + 10_000}/a`, 'api', 'acme', 10_000, 1],
    [`search/acme/${Math.floor(NOON / 60_000) * 60_000}/a`, 'search', 'acme', 60_000, 1],
  ])
  expect(table.size).toBe(0)
})

test('what was let through is counted apart from what was answered', () => {
  const table = new WindowTable('a')
  table.begin(API, 'acme', NOON)
  table.begin(API, 'acme', NOON)
  table.add(API, 'acme', outcome, NOON)
  expect(table.all()).toMatchObject([{ begun: 2, requests: 1 }])
})

test('a window is given once, a second after its time, and forgotten', () => {
  const table = new WindowTable('a')
  table.add(API, 'acme', outcome, NOON)
  table.add(API, 'acme', outcome, NOON + 10_500)
  expect(table.due(NOON + 10_999)).toEqual([])
  expect(ids(table.due(NOON + 11_000))).toEqual([`api/acme/${NOON}/a`])
  expect(table.due(NOON + 11_000)).toEqual([])
  expect(ids(table.due(NOON + 21_000))).toEqual([`api/acme/${NOON + 10_000}/a`])
  expect(table.size).toBe(0)
})

test('many windows can be taken a few at a time', () => {
  const table = new WindowTable('a')
  for (let n = 0; n < 10; n++) table.add(API, `k${n}`, outcome, NOON)
  const taken = [table.due(NOON + 11_000, 4), table.due(NOON + 11_000, 4), table.due(NOON + 11_000, 4)]
  expect(taken.map(({ length }) => length)).toEqual([4, 4, 2])
  expect(new Set(ids(taken.flat())).size).toBe(10)
})

test('keys beyond the bound share one window, and are told', () => {
  const table = new WindowTable('a')
  const few = { ...API, maxKeys: 2 }
  for (const key of ['a', 'b', 'c', 'd', 'a']) table.add(few, key, outcome, NOON)
  expect(table.all().map(({ key, requests }) => [key, requests])).toEqual([
    ['a', 2],
    ['b', 1],
    [OTHER_KEYS, 2],
  ])
  expect(table.overflowed).toBe(2)
  // The next interval has room again.
  table.add(few, 'c', outcome, NOON + 10_000)
  expect(table.all().map(({ key }) => key)).toEqual(['c'])
})

test('a clock that is set back by less than the grace finds the interval that it was in', () => {
  const table = new WindowTable('a')
  table.add(API, 'acme', outcome, NOON + 9_900)
  table.add(API, 'acme', outcome, NOON + 10_100)
  table.add(API, 'acme', outcome, NOON + 9_950)
  table.add(API, 'acme', outcome, NOON + 10_200)
  expect(table.due(NOON + 30_000).map(({ id, requests }) => [id, requests])).toEqual([
    [`api/acme/${NOON}/a`, 2],
    [`api/acme/${NOON + 10_000}/a`, 2],
  ])
})

test('a clock that is set back further makes no summary that looks like an earlier one, and nothing waits for it', () => {
  const table = new WindowTable('a')
  table.add(API, 'acme', outcome, NOON)
  expect(ids(table.due(NOON + 11_000))).toEqual([`api/acme/${NOON}/a`])
  table.add(API, 'acme', outcome, NOON + 12_000)
  // An hour back: the interval that was open is over, because its time is not to come soon.
  expect(ids(table.due(NOON - 3_600_000))).toEqual([`api/acme/${NOON + 10_000}/a`])
  table.add(API, 'acme', outcome, NOON - 3_600_000)
  table.add(API, 'acme', outcome, NOON)
  expect(table.all().map(({ id, agent }) => [id, agent])).toEqual([
    [`api/acme/${NOON - 3_600_000}/a.1`, 'a.1'],
    [`api/acme/${NOON}/a.2`, 'a.2'],
  ])
})

test('another length of the intervals takes effect at once, under ids of its own', () => {
  const table = new WindowTable('a')
  const begin = Math.ceil(NOON / 60_000) * 60_000
  table.add(API, 'acme', outcome, begin)
  table.add({ ...API, everyMs: 60_000 }, 'acme', outcome, begin)
  expect(table.all().map(({ id, to }) => [id, to - begin])).toEqual([
    [`api/acme/${begin}/a`, 10_000],
    [`api/acme/${begin}/a.1`, 60_000],
  ])
})

test('whatever the clock does, every request is in exactly one summary, and no id comes twice', () => {
  const step = fc.record({
    move: fc.oneof(fc.integer({ min: 0, max: 3000 }), fc.integer({ min: -50_000, max: 50_000 })),
    rule: fc.constantFrom('api', 'search'),
    everyMs: fc.constantFrom(1000, 1000, 1000, 10_000),
    key: fc.constantFrom('a', 'b', 'c', 'd'),
    take: fc.boolean(),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      const table = new WindowTable('a')
      const taken: WindowSummary[] = []
      let now = NOON
      for (const { move, rule, everyMs, key, take } of steps) {
        now += move
        table.add({ rule, everyMs, maxKeys: 3 }, key, outcome, now)
        if (take) taken.push(...table.due(now, 2))
      }
      taken.push(...table.all())
      expect(taken.reduce((sum, { requests }) => sum + requests, 0)).toBe(steps.length)
      expect(new Set(ids(taken)).size).toBe(taken.length)
      for (const { from, to } of taken) expect(from % (to - from)).toBe(0)
      expect(table.size).toBe(0)
    }),
  )
})

test('a request of a known key and server leaves no garbage', { timeout: 30_000 }, () => {
  const flags = ['--expose-gc', '--min-semi-space-size=64', '--max-semi-space-size=64']
  const script = fileURLToPath(new URL('support/allocation.ts', import.meta.url))
  const measured = (mode: string) =>
    JSON.parse(execFileSync(process.execPath, [...flags, script, mode], { encoding: 'utf8' })) as { bytes: number }
  // The compiler allocates too, now and then; what a request leaves it leaves every time.
  expect(Math.min(...Array.from({ length: 3 }, () => measured('clean').bytes))).toBeLessThan(1)
  // The method must be able to see an allocation, or the line above proves nothing.
  expect(measured('dirty').bytes).toBeGreaterThan(16)
})
