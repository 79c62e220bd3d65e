import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { MeterBatch } from '../../../agent/messages.ts'
import { UsageLedger, type UsageState } from '../../../workflows/workflows/usage-ledger.ts'
import { record } from '../support/edge.ts'

const batch = (...records: unknown[]) => ({ rule: 'api', key: 'acme', records }) as unknown as MeterBatch
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => record(from + i))

test('counts by method, with the first and the last time', () => {
  const ledger = new UsageLedger(100)
  ledger.add(batch(record(5), record(1), record(3)))
  const base = record(0).at
  expect(ledger.totals).toEqual({ total: 3, byMethod: { GET: 2, POST: 1 }, firstAt: base + 1, lastAt: base + 5 })
})

test('methods that no RFC knows share one counter', () => {
  const ledger = new UsageLedger(100)
  ledger.add(batch(record(1, { method: '__proto__' }), record(2, { method: 'X-1' }), record(3, { method: 'get' })))
  expect(ledger.totals.byMethod).toEqual({ OTHER: 3 })
})

test('what has not the shape of a record is counted apart and throws nothing', () => {
  const ledger = new UsageLedger(100)
  for (const bad of [undefined, null, 3, {}, { records: 'x' }]) ledger.add(bad as unknown as MeterBatch)
  ledger.add(batch(null, 'x', {}, { id: 1, at: 1, method: 'GET' }, { id: 'a', at: null, method: 'GET' }, record(1)))
  expect(ledger).toMatchObject({ malformed: 10, totals: { total: 1 } })
})

/** Records in chunks, as the agent sends them: each of the lists is one. */
const chunked = (...chunks: (readonly [id: string, ...numbers: number[]])[]) =>
  ({
    rule: 'api',
    key: 'acme',
    records: chunks.flatMap(([, ...numbers]) => numbers.map((n) => record(n))),
    chunks: chunks.map(([id, ...numbers]) => ({ id, records: numbers.length })),
  }) satisfies MeterBatch

test('a chunk that comes again is left out, whatever comes with it', () => {
  const ledger = new UsageLedger(2)
  ledger.add(chunked(['c1', 1, 2, 3], ['c2', 4, 5]))
  // The ring of two record ids has long forgotten the first three.
  ledger.add(chunked(['c1', 1, 2, 3], ['c3', 6]))
  expect(ledger).toMatchObject({ totals: { total: 6 }, duplicates: 3, malformed: 0 })
  expect(ledger.seal()).toMatchObject({ firstId: 'api/1', lastId: 'api/6', added: { total: 6 } })
})

test('a record that two agents have sent is counted once, although its chunks are two', () => {
  const ledger = new UsageLedger(100)
  ledger.add(chunked(['a-1', 1, 2]))
  ledger.add(chunked(['b-1', 2, 3]))
  expect(ledger).toMatchObject({ totals: { total: 3 }, duplicates: 1 })
})

test('chunks are remembered by the next run, and a state without any is one of a release before', () => {
  const ledger = new UsageLedger(2)
  ledger.add(batch(...range(0, 3)))
  expect(ledger.toState()).not.toHaveProperty('seenChunks')
  ledger.add(chunked(['c1', 3, 4, 5]))
  const next = new UsageLedger(2, JSON.parse(JSON.stringify(ledger.toState())) as UsageState)
  next.add(chunked(['c1', 3, 4, 5], ['c2', 6]))
  expect(next).toMatchObject({ totals: { total: 7 }, duplicates: 3 })
})

test('chunks that do not make up the records are no chunks: each record counts by itself', () => {
  const ledger = new UsageLedger(100)
  const records = range(0, 2)
  const wrong: unknown[] = [
    [],
    'x',
    null,
    [null],
    [{ id: 'c', records: 1 }],
    [{ id: 'c', records: 2.5 }],
    [
      { id: 'c', records: 3 },
      { id: 'd', records: -1 },
    ],
    [{ records: 2 }],
  ]
  for (const chunks of wrong) ledger.add({ rule: 'api', key: 'acme', records, chunks } as unknown as MeterBatch)
  expect(ledger).toMatchObject({ malformed: wrong.length, totals: { total: 2 }, duplicates: 2 * wrong.length - 2 })
  ledger.add({ rule: 'api', key: 'acme', records: [], chunks: [] })
  expect(ledger.malformed).toBe(wrong.length)
})

test('totals that were read stay as they were', () => {
  const ledger = new UsageLedger(100)
  ledger.add(batch(record(1)))
  const { totals } = ledger
  const state = ledger.toState()
  ledger.add(batch(record(2)))
  expect(totals).toMatchObject({ total: 1, byMethod: { GET: 1 } })
  expect(state).toMatchObject({ totals: { total: 1 }, open: { added: { total: 1 } } })
})

test('the state of many chunks and records stays below what a payload may be', () => {
  const ledger = new UsageLedger(5000)
  const long = (n: number) => record(n, { id: `api/${'x'.repeat(80)}/${n}` })
  for (let n = 0; n < 6000; n++) {
    const chunks = [{ id: `${'y'.repeat(90)}-${n}`, records: 1 }]
    ledger.add({ rule: 'api', key: 'acme', records: [long(n)], chunks })
  }
  expect(JSON.stringify(ledger.toState()).length).toBeLessThan(450_000)
})

test('a sealed chunk stays as it is until it is settled', () => {
  const ledger = new UsageLedger(100)
  ledger.add(batch(...range(0, 3)))
  const first = ledger.seal()
  ledger.add(batch(...range(3, 5)))
  expect(ledger.seal()).toEqual(first)
  expect(first).toMatchObject({ firstId: 'api/0', lastId: 'api/2', added: { total: 3 }, totals: { total: 3 } })
  expect(ledger.unstored).toBe(5)
  ledger.settle()
  expect(ledger.seal()).toMatchObject({ firstId: 'api/3', lastId: 'api/4', added: { total: 2 }, totals: { total: 5 } })
  ledger.settle()
  expect(ledger.seal()).toBeUndefined()
  expect(ledger.unstored).toBe(0)
})

test('chunks add up to the totals, whatever comes again, fails to be stored or is handed to another run', () => {
  const step = fc.oneof(
    fc.record({ op: fc.constant('add' as const), ids: fc.array(fc.integer({ min: 0, max: 60 }), { maxLength: 15 }) }),
    fc.record({ op: fc.constantFrom('seal' as const, 'settle' as const, 'next run' as const) }),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      let ledger = new UsageLedger(100)
      const sent = new Set<number>()
      const store = new Map<string, number>()
      const put = () => {
        const chunk = ledger.seal()
        if (chunk) store.set(`${chunk.firstId}..${chunk.lastId}`, chunk.added.total)
      }
      for (const { op, ...rest } of steps) {
        if ('ids' in rest) {
          rest.ids.forEach((id) => sent.add(id))
          ledger.add(batch(...rest.ids.map((id) => record(id))))
        } else if (op === 'seal') put()
        else if (op === 'settle') {
          put()
          ledger.settle()
        } else ledger = new UsageLedger(100, JSON.parse(JSON.stringify(ledger.toState())) as UsageState)
      }
      while (ledger.unstored > 0) {
        put()
        ledger.settle()
      }
      expect(ledger.totals.total).toBe(sent.size)
      expect([...store.values()].reduce((a, b) => a + b, 0)).toBe(sent.size)
    }),
  )
})
