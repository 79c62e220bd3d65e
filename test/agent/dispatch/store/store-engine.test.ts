import { readFileSync, writeFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { expect, test, vi } from 'vitest'
import { GLOBAL } from '../../../../agent/dispatch/counters.ts'
import { SETTLED } from '../../../../agent/dispatch/parcel.ts'
import { command } from '../support/commands.ts'
import { until } from '../support/wait.ts'
import { harness, type Harness } from './harness.ts'

// Real disks: on a busy machine they may take their time.
vi.setConfig({ testTimeout: 60_000 })

const durable = (n: number, over = {}) => command(n, { delivery: 'durable', ...over })
const record = (n: number, over = {}) => command(n, { rule: 'usage', kind: 'meter', delivery: 'durable', ...over })

function rowsOnDisk({ path }: Harness): string[] {
  const db = new DatabaseSync(path, { readOnly: true })
  const ids = db
    .prepare('SELECT id FROM outbox ORDER BY seq')
    .all()
    .map((row) => String(row['id']))
  db.close()
  return ids
}

test('a durable event is on disk when it is handed on, and gone when Temporal has it', async () => {
  const t = harness()
  t.take(durable(1), command(2))
  expect(rowsOnDisk(t)).toEqual([durable(1).id])
  expect(t.parcels.map(({ id }) => id)).toEqual([durable(1).id, command(2).id])
  expect(t.rule()).toMatchObject({ received: 2, pending: 2 })
  t.deliver()
  expect(t.rule()).toMatchObject({ received: 2, delivered: 2, pending: 0 })
  await until(() => rowsOnDisk(t).length === 0)
  t.conserved()
})

test('the ship thread is told of an action once, before the first parcel that names it', () => {
  const t = harness()
  t.take(command(1), command(2), record(1))
  t.take(command(3))
  expect(t.told.map(({ type }) => type)).toEqual(['actions', 'parcels', 'parcels'])
  expect(t.told[0]).toMatchObject({ first: 0, actions: [{ rule: 'orders' }, { rule: 'usage' }] })
})

test('an event that comes again is counted and has no effect, while it waits and afterwards', () => {
  const t = harness()
  t.take(command(1), command(1), durable(2), durable(2))
  t.deliver()
  t.take(command(1), durable(2))
  expect(t.parcels).toEqual([])
  expect(t.rule()).toMatchObject({ received: 6, delivered: 2, deduplicated: 4, pending: 0 })
  t.conserved()
})

test('a parcel that Temporal knew already counts as a duplicate', () => {
  const t = harness()
  t.take(command(1))
  const [{ handle } = { handle: 0 }] = t.parcels
  t.engine.fromShip({
    type: 'settled',
    handles: Float64Array.of(handle, handle, 999),
    outcomes: Uint8Array.of(SETTLED.deduplicated, SETTLED.deduplicated, SETTLED.delivered),
  })
  expect(t.rule()).toMatchObject({ deduplicated: 1, delivered: 0, pending: 0 })
  t.conserved()
})

test('records of one key that come together are one row and one parcel, and each of them counts', () => {
  const t = harness()
  t.take(record(1), record(2), record(3, { key: 'globex' }), record(2), record(4))
  expect(t.parcels.map(({ workflowId, events, key }) => [workflowId, events, key])).toEqual([
    ['usage/acme', 3, 'acme'],
    ['usage/globex', 1, 'globex'],
  ])
  const [first] = t.parcels
  expect((JSON.parse(`[${first?.body}]`) as { id: string }[]).map(({ id }) => id)).toEqual(
    [1, 2, 4].map((n) => record(n).id),
  )
  expect(rowsOnDisk(t)).toEqual(t.parcels.map(({ id }) => id))
  t.deliver()
  expect(t.rule('usage')).toMatchObject({ received: 5, delivered: 4, deduplicated: 1, pending: 0 })
  t.conserved()
})

test('a chunk ends at the bounds of its batch', () => {
  const t = harness()
  const batch = { maxRecords: 2, maxDelayMs: 10, maxBytes: 1e6 }
  t.take(...[1, 2, 3, 4, 5].map((n) => record(n, { batch })))
  expect(t.parcels.map(({ events }) => events)).toEqual([2, 2, 1])
  const small = harness()
  small.take(...[1, 2, 3].map((n) => record(n, { batch: { ...batch, maxRecords: 100, maxBytes: 150 } })))
  expect(small.parcels.map(({ events }) => events)).toEqual([1, 1, 1])
})

test('what an earlier run left is delivered first, whatever the configuration says now', async () => {
  const first = harness()
  first.take(durable(1, { workflowType: 'gone' }), record(7, { rule: 'removed' }), record(8, { rule: 'removed' }))
  await first.stop()
  const t = harness({ path: first.path })
  expect(t.parcels.map(({ events, workflowId }) => [events, workflowId])).toEqual([
    [1, durable(1).id],
    [2, 'removed/acme'],
  ])
  expect(t.told.find(({ type }) => type === 'actions')).toMatchObject({
    actions: [{ workflowType: 'gone' }, { rule: 'removed' }],
  })
  expect(t.rule()).toMatchObject({ received: 1, pending: 1 })
  expect(t.rule('(other)')).toMatchObject({ received: 2, pending: 2 })
  // The request is told of again, because its connection broke when the agent died.
  t.take(durable(1))
  t.deliver()
  expect(t.rule()).toMatchObject({ received: 2, delivered: 1, deduplicated: 1 })
  t.conserved()
})

test('beyond what fits into memory events wait on disk, and are all delivered in order', async () => {
  const t = harness()
  const total = 40_000
  for (let n = 0; n < total; n += 4000) t.take(...Array.from({ length: 4000 }, (_, i) => durable(n + i)))
  expect(t.parcels.length).toBeLessThanOrEqual(16_384)
  expect(t.rule()).toMatchObject({ received: total, pending: total })
  const order: string[] = []
  while (order.length < total) {
    await until(() => t.parcels.length > 0)
    order.push(...t.parcels.map(({ id }) => id))
    t.deliver()
  }
  expect(order).toEqual(Array.from({ length: total }, (_, n) => durable(n).id))
  expect(t.rule()).toMatchObject({ delivered: total, pending: 0 })
  t.conserved()
})

test('durable events leave half of the memory to what cannot wait on disk', () => {
  const t = harness({ bounds: { maxEvents: 100, maxBytes: 1e9, maxStored: 1e6, maxStoredBytes: 1e9 } })
  for (let n = 0; n < 200; n += 10) t.take(...Array.from({ length: 10 }, (_, i) => durable(n + i)))
  const inMemory = t.counters.getGlobal(GLOBAL.accepted) - t.counters.getGlobal(GLOBAL.released)
  expect(inMemory).toBeLessThanOrEqual(60)
  expect(t.rule()).toMatchObject({ received: 200, pending: 200 })
})

test('a bound on what is stored sheds the rest, and takes it when there is room', async () => {
  const t = harness({ bounds: { maxEvents: 1e6, maxBytes: 1e9, maxStored: 2, maxStoredBytes: 1e9 } })
  t.take(durable(1), durable(2), durable(3))
  expect(t.rule()).toMatchObject({ shed: 1, pending: 2 })
  t.deliver()
  t.take(durable(3))
  expect(t.rule()).toMatchObject({ shed: 1, pending: 1, deduplicated: 0 })
  t.conserved()
})

test('dead letters are kept with what they hold, those of memory events too', async () => {
  const t = harness()
  t.take(durable(1), command(2))
  t.engine.fromShip({
    type: 'dead',
    letters: t.parcels.map((parcel) => ({ parcel, reason: 'INVALID_ARGUMENT: no', attempts: 3 })),
  })
  expect(t.rule()).toMatchObject({ deadLettered: 2, pending: 0 })
  expect(t.counters.getGlobal(GLOBAL.deadLetters)).toBe(2)
  expect(await t.operate({ call: 'list', table: 'dead', filter: {}, limit: 10 })).toMatchObject({
    rows: [
      { id: durable(1).id, reason: 'INVALID_ARGUMENT: no', attempts: 3 },
      { id: command(2).id, reason: 'INVALID_ARGUMENT: no', attempts: 3 },
    ],
  })
  expect(t.log.at('error')).toHaveLength(2)
  t.conserved()
})

test('what is limited is dropped, what is debounced is coalesced, and both are counted', async () => {
  const t = harness()
  const limited = { rateLimit: { count: 2, perMs: 60_000 }, kind: 'signal' as const }
  t.take(...[1, 2, 3].map((n) => command(n, limited)))
  expect(t.rule()).toMatchObject({ rateLimited: 1, pending: 2 })
  const quiet = {
    rule: 'audit',
    kind: 'signal' as const,
    debounce: { waitMs: 30, maxWaitMs: 1000 },
    delivery: 'durable' as const,
  }
  t.take(...[4, 5, 6].map((n) => command(n, quiet)))
  expect(t.rule('audit')).toMatchObject({ coalesced: 2, pending: 1 })
  expect(t.parcels).toHaveLength(2)
  await until(() => t.parcels.length === 3)
  expect(t.parcels.at(-1)?.id).toBe(command(6, quiet).id)
  await until(() => rowsOnDisk(t).length === 1)
  t.deliver()
  t.conserved()
})

test('a drain sends what is held back, waits for what is in memory only, and sheds what is not delivered in time', async () => {
  const t = harness()
  t.take(command(1, { kind: 'signal', debounce: { waitMs: 60_000, maxWaitMs: 60_000 } }), durable(2))
  const drained = t.engine.drain(50)
  expect(t.told.map(({ type }) => type)).toContain('hurry')
  expect(t.parcels).toHaveLength(2)
  await drained
  expect(t.rule()).toMatchObject({ shed: 1, pending: 1 })
  expect(t.log.at('error')).toEqual(['stopped before all events in memory were delivered: those are lost'])
  expect(t.log.at('warn')).toEqual(['stopped with events in the outbox: the next start delivers them'])
})

test('a drain does not wait for events on disk while Temporal takes nothing', async () => {
  const t = harness()
  t.take(durable(1))
  t.engine.fromShip({ type: 'flowing', flowing: false })
  await t.engine.drain(3_600_000)
  expect(t.rule()).toMatchObject({ shed: 0, pending: 1 })
})

test('without the ship thread it closes the outbox, and leaves what was in memory to the hot side', async () => {
  const t = harness()
  t.take(durable(1), durable(2), command(3))
  t.deliver(t.parcels.slice(0, 1))
  t.engine.alone()
  // What was delivered is gone, without a commit that another event would have caused.
  expect(rowsOnDisk(t)).toEqual([durable(2).id])
  expect(t.rule()).toMatchObject({ delivered: 1, shed: 0, pending: 2 })
  expect(await t.operate({ call: 'status' })).toMatchObject({ ok: false })
})

test('a ship thread that is gone in the middle of a drain ends it', async () => {
  const t = harness({ tellShip: () => undefined })
  t.take(durable(1), command(2))
  const drained = t.engine.drain(3_600_000)
  t.engine.alone()
  await drained
  expect(t.rule()).toMatchObject({ shed: 1, pending: 1 })
})

test('a file that is damaged while it is in use is set aside: what is in memory goes on, the rest is counted as shed', async () => {
  const t = harness()
  t.take(...Array.from({ length: 300 }, (_, n) => durable(n)))
  // What a bad disk does: everything behind the first page is something else, and nothing of it is cached any more.
  const db = new DatabaseSync(t.path)
  db.exec(`INSERT INTO paused VALUES ('nobody', 0); PRAGMA wal_checkpoint(TRUNCATE)`)
  db.close()
  const bytes = readFileSync(t.path)
  writeFileSync(t.path, bytes.fill(0x5a, 4096), { flag: 'r+' })
  t.take(durable(1000))
  await until(() => t.log.at('info').includes('the outbox is open'))
  t.conserved()
  t.deliver()
  await until(() => t.counters.read().total.pending === 0)
  t.take(durable(1001))
  expect(rowsOnDisk(t)).toContain(durable(1001).id)
  t.deliver()
  t.conserved()
})
