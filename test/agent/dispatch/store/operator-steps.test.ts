import { DatabaseSync } from 'node:sqlite'
import { expect, test, vi } from 'vitest'
import { GLOBAL } from '../../../../agent/dispatch/counters.ts'
import type { OutboxRequest } from '../../../../agent/dispatch/store/outbox-calls.ts'
import { command, type Over } from '../support/commands.ts'
import { until } from '../support/wait.ts'
import { harness, type Harness } from './harness.ts'

// Real disks: on a busy machine they may take their time.
vi.setConfig({ testTimeout: 60_000 })

const MANY = 3000
const durable = (n: number, over: Over = {}) => command(n, { delivery: 'durable', ...over })
const many = (from = 0, over: Over = {}) => Array.from({ length: MANY }, (_, i) => durable(from + i, over))

function bury(t: Harness): void {
  const letters = t.parcels.map((parcel) => ({ parcel, reason: 'NO: not this', attempts: 2 }))
  t.parcels.length = 0
  t.engine.fromShip({ type: 'dead', letters })
}

/** Asks, and looks at a number after each turn that others have meanwhile. */
async function watched(t: Harness, request: OutboxRequest, look: () => number): Promise<number[]> {
  const seen = [look()]
  let done = false
  const answer = t.operate(request).finally(() => {
    done = true
  })
  while (!done) {
    await new Promise((resolve) => setImmediate(resolve))
    if (look() !== seen.at(-1)) seen.push(look())
  }
  expect(await answer).toEqual({ ok: true, changed: MANY })
  return seen
}

/** The largest change from one look to the next. */
const largest = (seen: readonly number[]): number =>
  Math.max(...seen.map((value, i) => Math.abs(value - (seen[i - 1] ?? value))))

/** What status says, which is to be what the tables hold. */
async function status(t: Harness): Promise<{ pending: number; dead: number; delivered: number }> {
  const answer = (await t.operate({ call: 'status' })) as unknown as { status: { events: Record<string, number> } }
  const db = new DatabaseSync(t.path, { readOnly: true })
  const sum = (table: string) => Number(db.prepare(`SELECT coalesce(sum(events), 0) AS n FROM ${table}`).get()?.['n'])
  const events = { pending: sum('outbox'), dead: sum('dead_letters'), delivered: sum('delivered') }
  db.close()
  expect(answer.status.events).toEqual(events)
  return events
}

test('many dead letters are tried again some at a time, and none twice that dies again meanwhile', async () => {
  const t = harness()
  t.take(...many())
  bury(t)
  const received = () => t.rule()['received'] ?? 0
  // What goes out meanwhile is refused at once.
  const refusing = setInterval(() => bury(t), 0)
  const seen = await watched(t, { call: 'redrive', filter: {} }, received)
  clearInterval(refusing)
  expect(largest(seen)).toBeLessThanOrEqual(50)
  expect(received()).toBe(2 * MANY)
  await until(() => (bury(t), t.rule()['pending'] === 0))
  expect(await status(t)).toEqual({ pending: 0, dead: MANY, delivered: 0 })
  expect(t.counters.getGlobal(GLOBAL.deadLetters)).toBe(MANY)
  t.conserved()
})

test('many delivered events are sent once more some at a time, each once', async () => {
  const t = harness({ retainMs: 3_600_000 })
  t.take(...many())
  t.deliver()
  const delivering = setInterval(() => t.deliver(), 0)
  const seen = await watched(t, { call: 'replay', filter: { from: 0 } }, () => t.rule()['received'] ?? 0)
  expect(largest(seen)).toBeLessThanOrEqual(50)
  await until(() => t.rule()['pending'] === 0)
  clearInterval(delivering)
  expect(t.rule()).toMatchObject({ received: 2 * MANY, delivered: 2 * MANY })
  expect(await status(t)).toEqual({ pending: 0, dead: 0, delivered: 2 * MANY })
  t.conserved()
})

test('what waits is purged some at a time, and not what comes meanwhile', async () => {
  const t = harness()
  await t.operate({ call: 'pause', rule: 'orders' })
  t.take(...many())
  const purging = watched(t, { call: 'purge', table: 'pending', filter: {} }, () => t.rule()['shed'] ?? 0)
  await until(() => t.rule()['shed'] !== 0)
  t.take(durable(MANY), durable(MANY + 1))
  expect(largest(await purging)).toBeLessThanOrEqual(200)
  expect(t.rule()).toMatchObject({ shed: MANY, pending: 2 })
  expect(await status(t)).toEqual({ pending: 2, dead: 0, delivered: 0 })
  t.conserved()
})

test('dead letters are purged some at a time, by filter', async () => {
  const t = harness()
  t.take(...many(0, { at: 1000 }), durable(MANY, { at: 2000 }), ...many(MANY + 1, { at: 3000, rule: 'audit' }))
  bury(t)
  const dead = () => t.counters.getGlobal(GLOBAL.deadLetters)
  const seen = await watched(t, { call: 'purge', table: 'dead', filter: { rule: 'orders', to: 2000 } }, dead)
  expect(largest(seen)).toBeLessThanOrEqual(200)
  expect(await status(t)).toEqual({ pending: 0, dead: MANY + 1, delivered: 0 })
})

test('every call counts events, also where one row holds many of them', async () => {
  const t = harness({ retainMs: 3_600_000 })
  const records = (from: number, over: Over = {}) =>
    [0, 1, 2].map((i) => durable(from + i, { rule: 'usage', kind: 'meter', ...over }))
  t.take(...records(0), durable(10))
  bury(t)
  t.take(...records(20))
  t.deliver()
  expect(await status(t)).toEqual({ pending: 0, dead: 4, delivered: 3 })
  expect(await t.operate({ call: 'redrive', filter: { rule: 'usage' } })).toEqual({ ok: true, changed: 3 })
  await until(() => t.parcels.length > 0)
  bury(t)
  expect(await t.operate({ call: 'purge', table: 'dead', filter: {} })).toEqual({ ok: true, changed: 4 })
  expect(await t.operate({ call: 'purge', table: 'delivered', filter: {} })).toEqual({ ok: true, changed: 3 })
  expect(await status(t)).toEqual({ pending: 0, dead: 0, delivered: 0 })
})

test('an event that dies, or is delivered, under the id of an earlier one is counted once', async () => {
  const t = harness({ retainMs: 3_600_000 })
  t.take(durable(1), durable(2))
  const [dead, good] = t.parcels
  t.engine.fromShip({ type: 'dead', letters: [{ parcel: dead as never, reason: 'NO', attempts: 1 }] })
  t.deliver(good === undefined ? [] : [good])
  // Another run of the agent has forgotten their ids.
  await t.stop()
  const next = harness({ path: t.path, retainMs: 3_600_000 })
  next.take(durable(1), durable(2))
  next.engine.fromShip({ type: 'dead', letters: [{ parcel: next.parcels[0] as never, reason: 'NO', attempts: 1 }] })
  next.deliver(next.parcels.slice(1))
  expect(await status(next)).toEqual({ pending: 0, dead: 1, delivered: 1 })
})

test('rows that are looked for in a large table are found in steps', async () => {
  const t = harness()
  await t.operate({ call: 'pause', rule: 'orders' })
  await t.operate({ call: 'pause', rule: 'audit' })
  for (let from = 0; from < 12_000; from += MANY) t.take(...many(from))
  t.take(durable(12_000, { rule: 'audit' }))
  expect(await t.operate({ call: 'list', table: 'pending', filter: { rule: 'audit' }, limit: 1 })).toMatchObject({
    rows: [{ seq: 12_001 }],
    more: false,
  })
})

test('when the outbox is closed in the middle of a call, the answer says what was done before', async () => {
  const t = harness()
  t.take(...many())
  bury(t)
  const answer = t.operate({ call: 'redrive', filter: {} })
  await until(() => t.rule()['received'] !== MANY)
  await t.stop()
  const { received = 0 } = t.rule()
  expect(await answer).toEqual({
    ok: false,
    error: `the outbox was closed meanwhile; done before: ${received - MANY} events`,
  })
})
