import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, onTestFinished, test } from 'vitest'
import { OfflineOutbox } from '../../../../agent/dispatch/store/offline.ts'
import type { RowFilter } from '../../../../agent/dispatch/store/outbox-calls.ts'
import { tempFolder } from '../../../support/folder.ts'
import { command } from '../support/commands.ts'
import { until } from '../support/wait.ts'
import { harness, type Harness } from './harness.ts'

const durable = (n: number, over = {}) => command(n, { delivery: 'durable', ...over })

/** Turns texts round: enough to see what is sealed. */
const cipher = {
  seal: (text: string): Uint8Array => Buffer.from(text).reverse(),
  open: (bytes: Uint8Array): string => Buffer.from(bytes).reverse().toString(),
}

function open(path: string, key?: typeof cipher): OfflineOutbox {
  const outbox = new OfflineOutbox(path, key)
  onTestFinished(() => {
    try {
      outbox.close()
    } catch {
      // The test has closed it.
    }
  })
  return outbox
}

/** The outbox of an agent that has stopped with two events that wait and one dead letter. */
async function left(over: Parameters<typeof harness>[0] = {}): Promise<string> {
  const t: Harness = harness(over)
  t.take(durable(1, { at: 1000 }))
  const letters = t.parcels.map((parcel) => ({ parcel, reason: 'NO: not this', attempts: 2 }))
  t.engine.fromShip({ type: 'dead', letters })
  t.take(durable(2, { at: 2000 }), durable(3, { at: 3000, rule: 'audit' }))
  await t.stop()
  return t.path
}

const list = (outbox: OfflineOutbox, table: 'pending' | 'dead' | 'delivered', filter: RowFilter = {}) =>
  outbox.ask({ call: 'list', table, filter, limit: 10 })

test('what was done to it is what the agent finds at its next start', async () => {
  const path = await left()
  const outbox = open(path)
  expect(await outbox.ask({ call: 'status' })).toMatchObject({
    status: { path, events: { pending: 2, dead: 1, delivered: 0 }, pausedRules: [], oldestAt: 2000 },
  })
  expect(await outbox.ask({ call: 'show', id: durable(1).id })).toMatchObject({ row: { table: 'dead', attempts: 2 } })
  expect(await outbox.ask({ call: 'redrive', filter: {} })).toEqual({ ok: true, changed: 1 })
  expect(await outbox.ask({ call: 'pause', rule: 'audit' })).toEqual({ ok: true, changed: 1 })
  expect(await outbox.ask({ call: 'purge', table: 'pending', filter: { id: durable(2).id } })).toEqual({
    ok: true,
    changed: 1,
  })
  outbox.close()

  const next = harness({ path })
  await until(() => next.parcels.length === 1)
  expect(next.parcels.map(({ id }) => id)).toEqual([durable(1).id])
  expect(next.rule('audit')).toMatchObject({ pending: 1 })
  next.deliver()
  next.conserved()
})

test('an agent cannot open it meanwhile, and it cannot be opened while an agent has it', async () => {
  const path = await left()
  const outbox = open(path)
  const next = harness({ path })
  expect(await next.operate({ call: 'status' })).toMatchObject({ ok: false })
  outbox.close()
  await next.stop()
  const running = harness({ path })
  expect(await running.operate({ call: 'status' })).toMatchObject({ ok: true })
  expect(() => new OfflineOutbox(path)).toThrow(expect.objectContaining({ code: 'DISPATCH_OUTBOX_LOCKED' }))
})

test('a file that is damaged or newer is told of, and left where it is', async () => {
  const folder = tempFolder()
  const damaged = join(folder, 'damaged.db')
  writeFileSync(damaged, 'no database at all, and long enough to be looked at as one')
  expect(() => new OfflineOutbox(damaged)).toThrow(expect.objectContaining({ code: 'DISPATCH_OUTBOX_CORRUPT' }))
  const newer = await left()
  const db = new DatabaseSync(newer)
  db.exec('PRAGMA user_version = 99')
  db.close()
  expect(() => new OfflineOutbox(newer)).toThrow(expect.objectContaining({ code: 'DISPATCH_OUTBOX_NEWER' }))
  expect([damaged, newer].filter((path) => !existsSync(path))).toEqual([])
})

test('encrypted rows are listed without keys, but neither shown nor sent again', async () => {
  const path = await left({ cipher })
  const sealed = open(path)
  expect(await list(sealed, 'dead')).toMatchObject({ rows: [{ id: durable(1).id, reason: 'NO: not this' }] })
  expect(await sealed.ask({ call: 'show', id: durable(1).id })).toMatchObject({ ok: true, body: '(encrypted)' })
  const redriven = (filter: RowFilter) => sealed.ask({ call: 'redrive', filter })
  await expect(redriven({ rule: 'orders' })).rejects.toMatchObject({ code: 'DISPATCH_OUTBOX_KEY' })
  expect(await redriven({ rule: 'nobody' })).toEqual({ ok: true, changed: 0 })
  sealed.close()

  const outbox = open(path, cipher)
  expect(await outbox.ask({ call: 'show', id: durable(1).id })).toMatchObject({ body: { vars: { plan: 'gold' } } })
  expect(await outbox.ask({ call: 'redrive', filter: {} })).toEqual({ ok: true, changed: 1 })
})
