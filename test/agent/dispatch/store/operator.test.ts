import { DatabaseSync } from 'node:sqlite'
import { expect, test, vi } from 'vitest'
import { GLOBAL } from '../../../../agent/dispatch/counters.ts'
import type { Parcel } from '../../../../agent/dispatch/parcel.ts'
import { command } from '../support/commands.ts'
import { until } from '../support/wait.ts'
import { harness, type Harness } from './harness.ts'

vi.setConfig({ testTimeout: 60_000 })

const durable = (n: number, over = {}) => command(n, { delivery: 'durable', ...over })

function bury(t: Harness, parcels: readonly Parcel[]): void {
  t.engine.fromShip({
    type: 'dead',
    letters: parcels.map((parcel) => ({ parcel, reason: 'NO: not this', attempts: 2 })),
  })
  t.parcels.length = 0
}

test('rows are listed page by page, by rule and time', async () => {
  const t = harness()
  t.take(durable(1, { at: 1000 }), durable(2, { at: 2000 }), durable(3, { at: 3000, rule: 'audit', kind: 'signal' }))
  const list = (filter: object, limit = 10, after?: number) =>
    t.operate({ call: 'list', table: 'pending', filter, limit, ...(after !== undefined && { after }) })
  expect(await list({})).toMatchObject({
    ok: true,
    more: false,
    rows: [
      { id: durable(1).id, kind: 'start', at: 1000, events: 1, workflowId: durable(1).id },
      { id: durable(2).id },
      { rule: 'audit', kind: 'signal' },
    ],
  })
  expect(await list({}, 2)).toMatchObject({ more: true, rows: [{ seq: 1 }, { seq: 2 }] })
  expect(await list({}, 2, 2)).toMatchObject({ more: false, rows: [{ seq: 3 }] })
  expect(await list({ rule: 'audit' })).toMatchObject({ rows: [{ seq: 3 }] })
  expect(await list({ from: 2000, to: 3000 })).toMatchObject({ rows: [{ seq: 2 }] })
  expect(await list({ id: durable(1).id })).toMatchObject({ rows: [{ seq: 1 }] })
})

test('an event is shown with what it holds, and with its action', async () => {
  const t = harness()
  t.take(durable(1), command(2, { rule: 'usage', kind: 'meter', delivery: 'durable' }))
  expect(await t.operate({ call: 'show', id: durable(1).id })).toMatchObject({
    ok: true,
    row: { table: 'pending', rule: 'orders' },
    action: { kind: 'start', workflowType: 'requestHook' },
    body: { id: durable(1).id, vars: { plan: 'gold' } },
    callOptions: {},
  })
  const [, chunk] = t.parcels
  expect(await t.operate({ call: 'show', id: chunk?.id ?? '' })).toMatchObject({ body: [{ method: 'POST' }] })
  expect(await t.operate({ call: 'show', id: 'nowhere' })).toEqual({
    ok: false,
    error: 'no event "nowhere" in the outbox',
  })
})

test('dead letters are tried again under their own ids, and received once more in the books', async () => {
  const t = harness()
  t.take(durable(1), command(2), durable(3, { rule: 'audit', kind: 'signal' }))
  bury(t, t.parcels)
  expect(await t.operate({ call: 'redrive', filter: { rule: 'orders' } })).toEqual({ ok: true, changed: 2 })
  await until(() => t.parcels.length === 2)
  expect(t.parcels.map(({ id }) => id).toSorted()).toEqual([durable(1).id, command(2).id].toSorted())
  t.deliver()
  expect(t.rule()).toMatchObject({ received: 4, deadLettered: 2, delivered: 2, pending: 0 })
  expect(await t.operate({ call: 'status' })).toMatchObject({
    status: { events: { pending: 0, dead: 1, delivered: 0 } },
  })
  expect(t.counters.getGlobal(GLOBAL.deadLetters)).toBe(1)
  t.conserved()
})

test('delivered events that are kept are sent once more under new ids; metered ones are not', async () => {
  const t = harness({ retainMs: 3_600_000 })
  t.take(
    durable(1, { at: 1000 }),
    durable(2, { at: 9000 }),
    command(3, { rule: 'usage', kind: 'meter', delivery: 'durable', at: 1000 }),
  )
  t.deliver()
  expect(await t.operate({ call: 'replay', filter: { from: 0, to: 5000 } })).toEqual({ ok: true, changed: 1 })
  await until(() => t.parcels.length === 1)
  const [again] = t.parcels
  expect(again?.id).toMatch(/^orders\/~[0-9a-z]+\/000000000001$/)
  expect(again?.workflowId).toBe(again?.id)
  expect(JSON.parse(again?.body ?? '')).toMatchObject({ id: again?.id, vars: { plan: 'gold' } })
  t.deliver()
  expect(t.rule()).toMatchObject({ received: 3, delivered: 3 })
  t.conserved()
})

test('a time that is replayed again is sent as often as the first time; a replay that is named goes again', async () => {
  const t = harness({ retainMs: 3_600_000 })
  t.take(...[1, 2, 3].map((n) => durable(n, { at: 1000 })))
  t.deliver()
  let copy = ''
  for (let again = 0; again < 3; again++) {
    expect(await t.operate({ call: 'replay', filter: { from: 0, to: 5000 } })).toEqual({ ok: true, changed: 3 })
    await until(() => t.parcels.length === 3)
    copy = t.parcels[0]?.id ?? ''
    t.deliver()
    // Ids of replays have a mark of milliseconds.
    const now = Date.now()
    await until(() => Date.now() > now)
  }
  expect(await t.operate({ call: 'replay', filter: { id: copy } })).toEqual({ ok: true, changed: 1 })
  await until(() => t.parcels.length === 1)
  t.deliver()
  expect(t.rule()).toMatchObject({ received: 13, delivered: 13, pending: 0 })
  t.conserved()
})

test('delivered events are forgotten after their time', async () => {
  const t = harness({ retainMs: 1 })
  t.take(durable(1))
  t.deliver()
  await until(
    async () =>
      ((await t.operate({ call: 'list', table: 'delivered', filter: {}, limit: 1 })) as unknown as { rows: object[] })
        .rows.length === 0,
  )
})

test('a paused rule keeps its events on disk, memory events and waiting ones too, until it is resumed', async () => {
  const t = harness()
  t.take(durable(1), command(2), durable(3, { rule: 'audit', kind: 'signal' }))
  const waiting = t.parcels.filter(({ id }) => id.startsWith('orders/'))
  expect(await t.operate({ call: 'pause', rule: 'orders' })).toEqual({ ok: true, changed: 1 })
  expect(t.told.at(-1)).toEqual({ type: 'recall', rules: ['orders'] })
  expect(t.paused).toEqual(['orders'])
  t.engine.fromShip({ type: 'recalled', parcels: waiting })
  t.parcels.length = 0
  t.take(command(4), durable(5), command(6, { rule: 'audit', kind: 'signal' }))
  expect(t.parcels.map(({ id }) => id)).toEqual([command(6, { rule: 'audit' }).id])
  expect(t.rule()).toMatchObject({ received: 4, pending: 4 })
  expect(t.counters.getGlobal(GLOBAL.stored)).toBe(5)
  t.conserved()

  // It stays paused when the agent is started again.
  await t.stop()
  const next = harness({ path: t.path })
  expect(next.parcels.map(({ id }) => id)).toEqual([durable(3, { rule: 'audit' }).id])
  expect(await next.operate({ call: 'status' })).toMatchObject({ status: { pausedRules: ['orders'] } })
  expect(await next.operate({ call: 'resume', rule: 'orders' })).toEqual({ ok: true, changed: 1 })
  await until(() => next.parcels.length === 5)
  expect(new Set(next.parcels.map(({ id }) => id)).size).toBe(5)
  next.deliver()
  expect(next.rule()).toMatchObject({ delivered: 4, pending: 0 })
  next.conserved()
})

test('what comes back from its way to Temporal after its rule was resumed is sent again', async () => {
  const t = harness()
  t.take(durable(1), command(2))
  const waiting = t.parcels.splice(0)
  await t.operate({ call: 'pause', rule: 'orders' })
  await t.operate({ call: 'resume', rule: 'orders' })
  t.engine.fromShip({ type: 'recalled', parcels: waiting })
  await until(() => t.parcels.length === 2)
  t.deliver()
  expect(t.rule()).toMatchObject({ delivered: 2, pending: 0 })
  t.conserved()
})

test('what is held back of a rule is on disk while it is paused', async () => {
  const t = harness()
  t.take(command(1, { kind: 'signal', debounce: { waitMs: 60_000, maxWaitMs: 60_000 } }))
  await t.operate({ call: 'pause', rule: 'orders' })
  expect(await t.operate({ call: 'list', table: 'pending', filter: {}, limit: 10 })).toMatchObject({
    rows: [{ rule: 'orders' }],
  })
  expect(t.rule()).toMatchObject({ pending: 1 })
  t.conserved()
})

test('what waits on disk is purged and counted as shed, what is on its way is left alone', async () => {
  const t = harness()
  await t.operate({ call: 'pause', rule: 'orders' })
  t.take(durable(1), durable(2), durable(3, { rule: 'audit', kind: 'signal' }))
  expect(await t.operate({ call: 'purge', table: 'pending', filter: {} })).toEqual({ ok: true, changed: 2 })
  expect(t.rule()).toMatchObject({ shed: 2, pending: 0 })
  expect(t.rule('audit')).toMatchObject({ shed: 0, pending: 1 })
  t.deliver()
  t.conserved()
})

test('dead letters and kept events are purged by filter', async () => {
  const t = harness()
  t.take(durable(1, { at: 1000 }), durable(2, { at: 2000 }))
  bury(t, t.parcels)
  expect(await t.operate({ call: 'purge', table: 'dead', filter: { to: 2000 } })).toEqual({ ok: true, changed: 1 })
  expect(await t.operate({ call: 'list', table: 'dead', filter: {}, limit: 9 })).toMatchObject({ rows: [{ at: 2000 }] })
})

test('what cannot be read is neither moved nor lost: the answer and the log say how many events that are, and why', async () => {
  const t = harness({ retainMs: 3_600_000 })
  t.take(
    ...[1, 2, 3].map((n) => durable(n)),
    ...[4, 5].map((n) => command(n, { rule: 'usage', kind: 'meter', delivery: 'durable' })),
  )
  bury(t, t.parcels)
  t.take(durable(6), durable(7), durable(8))
  t.deliver()
  expect(await t.operate({ call: 'status' })).toMatchObject({ status: { events: { dead: 5, delivered: 3 } } })
  const db = new DatabaseSync(t.path)
  // A row whose key is gone, one whose action is, and bodies that are none.
  db.exec(`UPDATE dead_letters SET body = x'00' WHERE id = '${durable(2).id}' OR rule = 'usage'`)
  db.exec(`UPDATE dead_letters SET action = 999 WHERE id = '${durable(3).id}'`)
  db.exec(`UPDATE delivered SET body = 'secret' WHERE id = '${durable(7).id}'`)
  db.exec(`UPDATE delivered SET body = 'null' WHERE id = '${durable(8).id}'`)
  db.close()
  const why = expect.stringContaining('outbox.encryptionKey is not set') as string
  expect(await t.operate({ call: 'redrive', filter: {} })).toEqual({
    ok: true,
    changed: 1,
    unreadable: { events: 4, why },
  })
  expect(await t.operate({ call: 'replay', filter: { from: 0 } })).toEqual({
    ok: true,
    changed: 1,
    unreadable: { events: 2, why: 'its body is no JSON object' },
  })
  expect(t.log.lines.filter(({ message }) => message.includes('they stay where they are'))).toMatchObject([
    { level: 'error', fields: { call: 'redrive', events: 4, why } },
    { level: 'error', fields: { call: 'replay', events: 2 } },
  ])
  expect(await t.operate({ call: 'status' })).toMatchObject({
    status: { events: { pending: 2, dead: 4, delivered: 3 } },
  })
  await until(() => t.parcels.length === 2)
  t.deliver()
  t.conserved()
})

test('without an outbox the operator is told so', async () => {
  const t = harness({ path: '/dev/null/outbox.db' })
  expect(await t.operate({ call: 'status' })).toEqual({
    ok: false,
    error: 'the outbox is not open: see the log of the agent',
  })
})
