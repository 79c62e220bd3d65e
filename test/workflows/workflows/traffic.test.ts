import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { WindowSummary } from '../../../agent/messages.ts'
import { KeyWindow } from '../../../agent/windows/key-window.ts'
import { Traffic, type TrafficState } from '../../../workflows/workflows/traffic.ts'
import { summary } from '../support/edge.ts'

const PREFIX = 'api/acme/'
const overJson = (traffic: Traffic) => JSON.parse(JSON.stringify(traffic.toState())) as TrafficState

test('summaries of several agents make one interval', () => {
  const traffic = new Traffic(60, PREFIX)
  traffic.add(summary(0, 'a', [{ latencyMs: 10 }, { latencyMs: 20, status: 503 }]))
  traffic.add(summary(0, 'b', [{ latencyMs: 1000, server: 's2', bytes: 7 }]))
  expect(traffic.windows()).toMatchObject([
    {
      summaries: 2,
      begun: 3,
      requests: 3,
      statuses: { '2xx': 2, '5xx': 1 },
      errors: 1,
      bytes: 7,
      latencyMs: { count: 3, sum: 1030, min: 10, max: 1000, p50: 20, p99: 1000 },
      histogram: [
        [10, 1],
        [20, 1],
        [1007, 1],
      ],
      servers: { s1: { requests: 2, errors: 1, latencyMsSum: 30 }, s2: { requests: 1, errors: 0, latencyMsSum: 1000 } },
    },
  ])
})

test('intervals stand in their order, whenever their summaries come', () => {
  const traffic = new Traffic(60, PREFIX)
  for (const [n, interval] of [3, 1, 2, 1, 3].entries()) traffic.add(summary(interval, `agent-${n}`))
  expect(traffic.windows().map(({ from, requests }) => [from, requests])).toEqual([
    [10_000, 2],
    [20_000, 1],
    [30_000, 2],
  ])
  expect(traffic.windows(2).map(({ from }) => from)).toEqual([20_000, 30_000])
  expect([0, -1, Number.NaN].map((last) => traffic.windows(last))).toEqual([[], [], []])
  expect(traffic.latest?.from).toBe(30_000)
})

test('intervals of different lengths stay apart', () => {
  const traffic = new Traffic(60, PREFIX)
  traffic.add(summary(0, 'a'))
  traffic.add({ ...summary(0, 'b'), to: 60_000 })
  expect(traffic.windows().map(({ to }) => to)).toEqual([10_000, 60_000])
})

test('the last intervals are kept, and what is older than they are is told', () => {
  const traffic = new Traffic(3, PREFIX)
  for (const interval of [1, 2, 3, 4]) traffic.add(summary(interval, 'a'))
  traffic.add(summary(1, 'b'))
  traffic.add(summary(2, 'b'))
  expect(traffic.windows().map(({ from, summaries }) => [from, summaries])).toEqual([
    [20_000, 2],
    [30_000, 1],
    [40_000, 1],
  ])
  expect(traffic).toMatchObject({ total: 5, tooLate: 1, duplicates: 0 })
})

test('a summary that comes again is not counted again, also in the next run', () => {
  const traffic = new Traffic(60, PREFIX)
  traffic.add(summary(0, 'a'))
  traffic.add(summary(0, 'a'))
  const next = new Traffic(60, PREFIX, overJson(traffic))
  next.add(summary(0, 'a'))
  next.add(summary(0, 'b'))
  expect(next).toMatchObject({ total: 2, duplicates: 2 })
  expect(next.latest).toMatchObject({ requests: 2 })
  // What all ids begin with is not kept with each of them.
  expect(next.toState().seen).toEqual(['0/a', '0/b'])
})

test('what is no summary is counted apart and throws nothing', () => {
  const good = summary(0, 'a')
  const bad: unknown[] = [
    undefined,
    null,
    'x',
    3,
    {},
    { ...good, id: '' },
    { ...good, id: 1 },
    { ...good, from: 'x' },
    { ...good, to: good.from },
    { ...good, to: 1e300 },
    { ...good, requests: -1 },
    { ...good, requests: Number.POSITIVE_INFINITY },
    { ...good, begun: 'x' },
    { ...good, statuses: null },
    { ...good, latencyMs: undefined },
    { ...good, latencyMs: { count: 1 } },
    { ...good, histogram: {} },
    { ...good, histogram: [[1]] },
    { ...good, histogram: [[1, 'x']] },
    { ...good, histogram: Array.from({ length: 3000 }, (_, n) => [n, 1]) },
    { ...good, servers: 1 },
    { ...good, servers: { s1: null } },
    { ...good, servers: { s1: { requests: 1 } } },
  ]
  const traffic = new Traffic(60, PREFIX)
  for (const one of bad) traffic.add(one as WindowSummary)
  expect(traffic).toMatchObject({ malformed: bad.length, total: 0 })
  traffic.add({ ...good, statuses: { '2xx': 1, '9xx': 5, '3xx': 'x' } } as unknown as WindowSummary)
  expect(traffic.latest?.statuses).toEqual({ '2xx': 1 })
})

test('many servers and long histograms do not make the state larger than a payload may be', () => {
  const traffic = new Traffic(60, PREFIX)
  for (let interval = 0; interval < 200; interval++) {
    const outcomes = Array.from({ length: 600 }, (_, n) => ({ latencyMs: n * n, server: `server-${n}-of-many` }))
    traffic.add(summary(interval, 'a', outcomes))
    traffic.add(summary(interval, 'b', outcomes))
  }
  const state = traffic.toState()
  expect(JSON.stringify(state).length).toBeLessThan(400_000)
  expect(Object.keys(traffic.latest?.servers ?? {})).toHaveLength(65)
  expect(traffic.latest?.servers['(other)']?.requests).toBe(2 * (600 - 64))
  expect(state.windows.length).toBeGreaterThan(5)
  const next = new Traffic(60, PREFIX, state)
  next.add(summary(200, 'a', [{}]))
  expect(next.windows().length).toBeGreaterThan(5)
  expect(JSON.stringify(next.toState()).length).toBeLessThan(400_000)
})

test('whoever sees which requests, the whole is what one agent would have told, however often it comes again', () => {
  const request = fc.record({
    interval: fc.integer({ min: 0, max: 3 }),
    agent: fc.constantFrom('a', 'b', 'c'),
    status: fc.constantFrom(200, 404, 500, 0),
    latencyMs: fc.integer({ min: 0, max: 100_000 }),
    server: fc.constantFrom('s1', 's2'),
  })
  const order = fc.array(fc.integer({ min: 0, max: 100 }), { minLength: 24, maxLength: 24 })
  fc.assert(
    fc.property(fc.array(request, { minLength: 1, maxLength: 60 }), order, (requests, shuffle) => {
      const summaries = [0, 1, 2, 3].flatMap((interval) =>
        ['a', 'b', 'c'].flatMap((agent) => {
          const own = requests.filter((one) => one.interval === interval && one.agent === agent)
          return own.length === 0 ? [] : [summary(interval, agent, own)]
        }),
      )
      let traffic = new Traffic(60, PREFIX)
      const sent = [...summaries, ...summaries].map((one, i) => ({ one, at: shuffle[i] ?? 0 }))
      for (const { one } of sent.sort((a, b) => a.at - b.at)) {
        traffic.add(one)
        traffic = new Traffic(60, PREFIX, overJson(traffic))
      }
      expect(traffic).toMatchObject({ total: summaries.length, duplicates: summaries.length })
      for (const window of traffic.windows()) {
        const own = requests.filter(({ interval }) => interval * 10_000 === window.from)
        const alone = new KeyWindow()
        for (const { status, latencyMs, server } of own) alone.add({ status, latencyMs, server, bytes: 0 })
        const { requests: count, statuses, errors, latencyMs, histogram, servers } = alone.summary(summary(0, 'x'))
        expect(window).toMatchObject({ requests: count, statuses, errors, latencyMs, histogram, servers })
      }
    }),
  )
})
