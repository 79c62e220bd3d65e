import { DatabaseSync } from 'node:sqlite'
import { expect, onTestFinished, test, vi } from 'vitest'
import { GLOBAL } from '../../../../agent/dispatch/counters.ts'
import { command } from '../support/commands.ts'
import { until } from '../support/wait.ts'
import { harness, type Harness } from './harness.ts'

// Real disks: on a busy machine they may take their time.
vi.setConfig({ testTimeout: 60_000 })

const durable = (n: number, over = {}) => command(n, { delivery: 'durable', ...over })
const numbers = (count: number, from = 0) => Array.from({ length: count }, (_, i) => from + i)

/** Keeps an outbox from taking anything. Returns what ends it. */
function lock({ path }: Harness): () => void {
  const db = new DatabaseSync(path)
  onTestFinished(() => db.close())
  db.exec('BEGIN IMMEDIATE')
  return () => db.exec('ROLLBACK')
}

function onDisk({ path }: Harness): string[] {
  const db = new DatabaseSync(path, { readOnly: true })
  const rows = db.prepare('SELECT id FROM outbox').all()
  db.close()
  return rows.map((row) => String(row['id'])).toSorted()
}

test('durable events that met a locked disk get there when it takes events again, also when no others come', async () => {
  const t = harness()
  const unlock = lock(t)
  t.take(...numbers(10).map((n) => durable(n)), command(77))
  expect(t.counters.getGlobal(GLOBAL.unstored)).toBe(10)
  expect(t.parcels).toHaveLength(11)
  unlock()
  await until(() => onDisk(t).length === 10)
  expect(t.counters.getGlobal(GLOBAL.stored)).toBe(10)
  expect(t.rule()).toMatchObject({ received: 11, pending: 11 })
  t.conserved()
  // They are on their way already: their rows are not read back.
  expect(t.parcels).toHaveLength(11)
  t.deliver()
  await until(() => onDisk(t).length === 0)
  expect(t.rule()).toMatchObject({ delivered: 11, pending: 0 })
  t.conserved()
})

test('a stop leaves them on disk for the next start, however many they are', async () => {
  const t = harness()
  const unlock = lock(t)
  const many = numbers(5000)
  t.take(...many.map((n) => durable(n)))
  unlock()
  await t.stop()
  expect(t.rule()).toMatchObject({ shed: 0, pending: many.length })
  t.conserved()
  const next = harness({ path: t.path })
  await until(() => next.parcels.length === many.length)
  expect(next.parcels.map(({ id }) => id)).toEqual(many.map((n) => durable(n).id))
})

test('those that Temporal has meanwhile do not get to disk', async () => {
  const t = harness()
  const unlock = lock(t)
  t.take(durable(1), durable(2), durable(3))
  t.deliver(t.parcels.slice(0, 1))
  t.engine.fromShip({
    type: 'dead',
    letters: t.parcels.slice(0, 1).map((parcel) => ({ parcel, reason: 'NO: not this', attempts: 1 })),
  })
  unlock()
  await until(() => onDisk(t).length > 0)
  expect(onDisk(t)).toEqual([durable(3).id])
  expect(t.rule()).toMatchObject({ delivered: 1, deadLettered: 1, pending: 1 })
  t.conserved()
})

test('of a paused rule they wait here while the disk takes nothing, and none is shed', async () => {
  const t = harness()
  await t.operate({ call: 'pause', rule: 'orders' })
  const unlock = lock(t)
  t.take(durable(1), command(2))
  t.engine.fromShip({ type: 'recalled', parcels: t.parcels.splice(0) })
  expect(t.rule()).toMatchObject({ shed: 0, pending: 2 })
  unlock()
  await until(() => onDisk(t).length === 2)
  expect(t.parcels).toEqual([])
  await t.operate({ call: 'resume', rule: 'orders' })
  await until(() => t.parcels.length === 2)
  t.deliver()
  expect(t.rule()).toMatchObject({ delivered: 2, pending: 0 })
  t.conserved()
})

test('of a rule that is resumed before the disk has taken them they are sent, and stored all the same', async () => {
  const t = harness()
  await t.operate({ call: 'pause', rule: 'orders' })
  const unlock = lock(t)
  t.take(durable(1))
  t.engine.fromShip({ type: 'recalled', parcels: t.parcels.splice(0) })
  unlock()
  await t.operate({ call: 'resume', rule: 'orders' })
  expect(t.parcels.map(({ id }) => id)).toEqual([durable(1).id])
  await until(() => onDisk(t).length === 1)
  expect(t.parcels).toHaveLength(1)
  t.deliver()
  expect(t.rule()).toMatchObject({ delivered: 1, pending: 0 })
  t.conserved()
})

test('what an earlier run has left is not stored twice when its outbox comes within reach', async () => {
  const first = harness()
  first.take(durable(1))
  const t = harness({ path: first.path })
  t.take(durable(1), durable(2))
  expect(t.rule()).toMatchObject({ pending: 2 })
  await first.stop()
  await t.stop()
  expect(onDisk(t)).toEqual([durable(1).id, durable(2).id])
  expect(t.rule()).toMatchObject({ received: 3, deduplicated: 1, shed: 0, pending: 2 })
  t.conserved()
})

test('beyond the room on disk they stay in memory, and are lost only there', async () => {
  const t = harness({ bounds: { maxEvents: 1e6, maxBytes: 1e9, maxStored: 2, maxStoredBytes: 1e9 } })
  const unlock = lock(t)
  t.take(durable(1), durable(2), durable(3))
  unlock()
  await t.stop()
  expect(t.rule()).toMatchObject({ received: 3, shed: 1, pending: 2 })
  expect(t.log.at('error')).toContain('stopped before all events in memory were delivered: those are lost')
  t.conserved()
})

test('those of a key that waits apart get there, and each of all goes out once', async () => {
  const t = harness({ bounds: { maxEvents: 20, maxBytes: 1e9, maxStored: 1e6, maxStoredBytes: 1e9 } })
  const hot = (n: number) => durable(n, { kind: 'signal', workflowId: 'orders/hot' })
  for (const n of numbers(30)) t.take(hot(n))
  const unlock = lock(t)
  t.take(hot(30), hot(31))
  expect(t.counters.getGlobal(GLOBAL.unstored)).toBe(2)
  unlock()
  await until(() => onDisk(t).includes(hot(31).id))
  // Those that met the disk are with Temporal for long, so the reader of what waits apart comes to them meanwhile.
  const late = t.parcels.filter(({ id }) => id === hot(30).id || id === hot(31).id)
  const ids: string[] = late.map(({ id }) => id)
  while (ids.length < 32) {
    const next = () => t.parcels.filter((parcel) => !late.includes(parcel))
    await until(() => next().length > 0)
    ids.push(...next().map(({ id }) => id))
    t.deliver(next())
  }
  await until(() => onDisk(t).length === 2)
  t.take(hot(32))
  await until(() => t.parcels.length > 2)
  expect(t.parcels.map(({ id }) => id)).toEqual([hot(30).id, hot(31).id, hot(32).id])
  expect(new Set(ids).size).toBe(32)
  t.deliver()
  expect(t.rule()).toMatchObject({ received: 33, delivered: 33, pending: 0 })
  t.conserved()
})
