import { DatabaseSync } from 'node:sqlite'
import { expect, test, vi } from 'vitest'
import { GLOBAL } from '../../../../agent/dispatch/counters.ts'
import { command, type Over } from '../support/commands.ts'
import { until } from '../support/wait.ts'
import { harness, type Harness } from './harness.ts'

// Real disks: on a busy machine they may take their time.
vi.setConfig({ testTimeout: 60_000 })

/** So little memory that a rule may hold 16 events back: a third of half of it. */
const bounds = { maxEvents: 100, maxBytes: 1e9, maxStored: 1e6, maxStoredBytes: 1e9 }
const MOST = 17
/** Many times what one rule may hold. */
const MANY = 2000

const slow: Over = { kind: 'signal', delivery: 'durable', throttle: { count: 1, perMs: 3_600_000 } }
const other = (n: number, over: Over = {}) =>
  command(n, { rule: 'audit', kind: 'signal', delivery: 'durable', ...over })

/** Takes them as they would arrive: some at a time. */
function flood(t: Harness, over: Over, count = MANY): void {
  for (let n = 0; n < count; n += 5) t.take(...Array.from({ length: 5 }, (_, i) => command(n + i, over)))
}

const idsOf = (t: Harness, rule: string): string[] =>
  t.parcels.map(({ id }) => id).filter((id) => id.startsWith(`${rule}/`))

/** Events of the hot side that are in memory. */
const inMemory = (t: Harness): number => t.counters.getGlobal(GLOBAL.accepted) - t.counters.getGlobal(GLOBAL.released)

test.each([
  ['throttled', slow],
  ['debounced', { kind: 'signal', delivery: 'durable', debounce: { waitMs: 3_600_000, maxWaitMs: 3_600_000 } }],
  ['throttled strict', { ...slow, delivery: 'strict' as const }],
  ['throttled memory', { ...slow, delivery: 'memory' as const }],
])('a %s rule with a long backlog does not keep the events of another one on disk', (_, over) => {
  const t = harness({ bounds })
  for (let n = 0; n < MANY; n += 5) {
    // Keys of their own, where one would take another one's place.
    const key = (i: number): Over => ('debounce' in over ? { workflowId: `orders/${n + i}` } : {})
    t.take(...Array.from({ length: 5 }, (_, i) => command(n + i, { ...over, ...key(i) } as Over)))
    t.engine.answered(t.strict.stored.splice(0), [])
  }
  t.deliver()
  expect(t.rule()).toMatchObject({ received: MANY, shed: 0, coalesced: 0, deduplicated: 0 })
  expect(t.rule()['pending']).toBeGreaterThanOrEqual(MANY - MOST)
  // One packet more than it may hold.
  expect(inMemory(t)).toBeLessThanOrEqual(MOST + 5)
  t.take(other(1), other(2))
  expect(idsOf(t, 'audit')).toEqual([other(1).id, other(2).id])
  t.conserved()
})

test('an earlier run has left a long backlog of a throttled rule: the events of another one behind it go out', async () => {
  const first = harness()
  first.take(...Array.from({ length: 20_000 }, (_, n) => command(n, slow)), other(1))
  await first.stop()
  const t = harness({ path: first.path })
  await until(() => idsOf(t, 'audit').length === 1)
  t.take(other(2))
  await until(() => idsOf(t, 'audit').length === 2)
  t.deliver()
  expect(t.rule()).toMatchObject({ received: 20_000, pending: 19_999, delivered: 1 })
  t.conserved()
})

test('several throttled rules with long backlogs leave room to each other and to the rest', () => {
  const t = harness({ bounds })
  for (const rule of ['orders', 'audit', 'usage']) flood(t, { ...slow, rule })
  expect(['orders', 'audit', 'usage'].map((rule) => idsOf(t, rule).length)).toEqual([1, 1, 1])
  t.take(command(1, { rule: 'free', delivery: 'durable' }))
  expect(idsOf(t, 'free')).toHaveLength(1)
  t.conserved()
})

test.each(['durable', 'strict', 'memory'] as const)(
  'a throttled rule of the class %s delivers its whole backlog, in its order, each event once',
  async (delivery) => {
    const t = harness({ bounds })
    const over: Over = { ...slow, delivery, throttle: { count: 10, perMs: 5 } }
    const order: string[] = []
    const collect = (): void => {
      t.engine.answered(t.strict.stored.splice(0), [])
      order.push(...t.parcels.map(({ id }) => id))
      t.deliver()
    }
    flood(t, over)
    while (order.length < MANY) {
      await until(() => t.parcels.length + t.strict.stored.length > 0)
      collect()
    }
    expect(new Set(order).size).toBe(MANY)
    // Strict events that wait for their answer already when the first ones are held are not put behind them.
    if (delivery !== 'strict') expect(order).toEqual(Array.from({ length: MANY }, (_, n) => command(n, over).id))
    await until(() => t.rule()['pending'] === 0)
    expect(t.rule()).toMatchObject({ received: MANY, delivered: MANY })
    t.conserved()
    // From then on its events are in memory again.
    t.take(command(MANY, over))
    await until(() => t.parcels.length + t.strict.stored.length > 0)
    expect(t.counters.getGlobal(GLOBAL.stored)).toBe(delivery === 'memory' ? 0 : 1)
  },
)

test('a strict event behind a backlog has no effect when its request was refused', async () => {
  const t = harness({ bounds })
  flood(t, slow, 100)
  t.take(command(1000, { ...slow, delivery: 'strict' }), command(1001, { ...slow, delivery: 'strict' }))
  const [refused = 0, kept = 0] = t.strict.stored
  t.engine.answered([], [refused])
  t.engine.answered([kept], [])
  expect(t.rule()).toMatchObject({ shed: 1 })
  await t.stop()
  const next = harness({ path: t.path })
  await until(() => next.rule()['pending'] === 101)
  expect(
    await next.operate({ call: 'list', table: 'pending', filter: { id: command(1000).id }, limit: 1 }),
  ).toMatchObject({
    rows: [],
  })
  expect(
    await next.operate({ call: 'list', table: 'pending', filter: { id: command(1001).id }, limit: 1 }),
  ).toMatchObject({
    rows: [{ id: command(1001).id }],
  })
})

test('events of a rule with a backlog that met a busy disk get there, and each of all goes out once', async () => {
  const t = harness({ bounds })
  const over: Over = { ...slow, throttle: { count: 1, perMs: 100 } }
  // So few wait apart that they are read while the late ones are still held.
  flood(t, over, 25)
  // The reader of pages passes what waits apart.
  await until(() => t.parcels.length > 1)
  const db = new DatabaseSync(t.path)
  db.exec('BEGIN IMMEDIATE')
  const late = Array.from({ length: 5 }, (_, i) => command(25 + i, over))
  t.take(...late)
  expect(t.counters.getGlobal(GLOBAL.unstored)).toBe(5)
  db.exec('ROLLBACK')
  const rows = db.prepare('SELECT id FROM outbox WHERE seq > 25')
  await until(() => rows.all().length === late.length)
  db.close()
  const order: string[] = []
  // Behind all that there is, also what would be there twice.
  const last = command(30, over)
  t.take(last)
  while (order.at(-1) !== last.id) {
    await until(() => t.parcels.length > 0)
    order.push(...t.parcels.map(({ id }) => id))
    t.deliver()
  }
  expect([order.length, new Set(order).size]).toEqual([31, 31])
  expect(t.rule()).toMatchObject({ received: 31, delivered: 31, deduplicated: 0, pending: 0 })
  t.conserved()
})

test('a rule that is paused with a backlog, and resumed, delivers each event once', async () => {
  const t = harness({ bounds })
  const over: Over = { ...slow, throttle: { count: 100, perMs: 10 } }
  flood(t, over)
  await t.operate({ call: 'pause', rule: 'orders' })
  const order = t.parcels.map(({ id }) => id)
  t.deliver()
  t.take(other(1))
  await until(() => idsOf(t, 'audit').length === 1)
  t.deliver()
  await t.operate({ call: 'resume', rule: 'orders' })
  while (order.length < MANY) {
    await until(() => t.parcels.length > 0)
    order.push(...t.parcels.map(({ id }) => id))
    t.deliver()
  }
  expect(new Set(order).size).toBe(MANY)
  expect(t.rule()).toMatchObject({ delivered: MANY, pending: 0 })
  t.conserved()
})
