import fc from 'fast-check'
import { expect, test } from 'vitest'
import { KeyWindow, MAX_SERVERS, type Outcome, type SummaryHead } from '../../../agent/windows/key-window.ts'
import { LONGEST_MS } from '../../../agent/windows/histogram.ts'

const HEAD: SummaryHead = { id: 'api/acme/0/a', rule: 'api', key: 'acme', from: 0, to: 60_000, agent: 'a' }

function outcome(more: Partial<Outcome> = {}): Outcome {
  return { status: 200, latencyMs: 10, bytes: 0, server: 's1', ...more }
}

function summaryOf(outcomes: readonly Outcome[]) {
  const window = new KeyWindow()
  for (const one of outcomes) window.add(one)
  return window.summary(HEAD)
}

test('a window without a request says so', () => {
  expect(new KeyWindow().summary(HEAD)).toEqual({
    ...HEAD,
    begun: 0,
    requests: 0,
    statuses: {},
    errors: 0,
    bytes: 0,
    latencyMs: { count: 0, sum: 0, min: 0, max: 0, p50: 0, p90: 0, p99: 0, p999: 0 },
    histogram: [],
    servers: {},
  })
})

test('statuses are counted by class, and errors are 5xx and no response', () => {
  const { statuses, errors, requests } = summaryOf(
    [101, 200, 204, 304, 404, 500, 503, 0, 999].map((status) => outcome({ status })),
  )
  expect(statuses).toEqual({ none: 1, '1xx': 1, '2xx': 2, '3xx': 1, '4xx': 1, '5xx': 2, other: 1 })
  expect({ errors, requests }).toEqual({ errors: 3, requests: 9 })
})

test('bytes and latencies are summed up, by server too', () => {
  const { bytes, latencyMs, servers } = summaryOf([
    outcome({ bytes: 2 ** 40, latencyMs: 3 }),
    outcome({ bytes: 5, latencyMs: 7, server: 's2', status: 502 }),
    outcome({ latencyMs: 4 }),
    outcome({ latencyMs: 1, server: '' }),
  ])
  expect(bytes).toBe(2 ** 40 + 5)
  expect(latencyMs).toMatchObject({ count: 4, sum: 15, min: 1, max: 7 })
  expect(servers).toEqual({
    s1: { requests: 2, errors: 0, latencyMsSum: 7 },
    s2: { requests: 1, errors: 1, latencyMsSum: 7 },
  })
})

test('a request whose latency nobody knows is counted without one', () => {
  const { requests, latencyMs, histogram, servers } = summaryOf([outcome({ latencyMs: Number.NaN })])
  expect({ requests, count: latencyMs.count, histogram }).toEqual({ requests: 1, count: 0, histogram: [] })
  expect(servers).toEqual({ s1: { requests: 1, errors: 0, latencyMsSum: 0 } })
})

test('clocks that differ give no negative latency, and none beyond the last bucket', () => {
  const { latencyMs } = summaryOf([outcome({ latencyMs: -5 }), outcome({ latencyMs: 2 ** 40 }), outcome()])
  expect(latencyMs).toMatchObject({ count: 3, min: 0, max: LONGEST_MS, sum: LONGEST_MS + 10 })
})

test('servers beyond the sixty-fourth share a row', () => {
  const many = Array.from({ length: MAX_SERVERS + 10 }, (_, n) => outcome({ server: `s${n}` }))
  const { servers } = summaryOf([...many, ...many])
  expect(Object.keys(servers)).toHaveLength(MAX_SERVERS + 1)
  expect(servers['(other)']).toEqual({ requests: 20, errors: 0, latencyMsSum: 200 })
  expect(servers['s0']).toMatchObject({ requests: 2 })
})

test('percentiles are upper bounds of the true ones, at most 4 % above', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 200_000 }), { minLength: 1, maxLength: 300 }), (values) => {
      const { latencyMs, histogram } = summaryOf(values.map((latencyMs) => outcome({ latencyMs })))
      const sorted = values.toSorted((a, b) => a - b)
      for (const [name, share] of [
        ['p50', 0.5],
        ['p90', 0.9],
        ['p99', 0.99],
        ['p999', 0.999],
      ] as const) {
        const exact = sorted[Math.ceil(sorted.length * share) - 1] ?? 0
        expect(latencyMs[name]).toBeGreaterThanOrEqual(exact)
        expect(latencyMs[name]).toBeLessThanOrEqual(exact * 1.04)
      }
      expect(histogram.reduce((sum, [, count]) => sum + count, 0)).toBe(values.length)
      expect(histogram.map(([upTo]) => upTo)).toEqual(histogram.map(([upTo]) => upTo).toSorted((a, b) => a - b))
    }),
  )
})

test('a summary goes through JSON unchanged', () => {
  const summary = summaryOf([outcome(), outcome({ server: '__proto__', status: 500 })])
  expect(JSON.parse(JSON.stringify(summary))).toEqual(summary)
  expect(Object.keys(summary.servers)).toEqual(['s1', '__proto__'])
})
