import { readFileSync, writeFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { expect, test, vi } from 'vitest'
import { GLOBAL } from '../../../../agent/dispatch/counters.ts'
import { command } from '../support/commands.ts'
import { until } from '../support/wait.ts'
import { harness, type Harness } from './harness.ts'

// Real disks: on a busy machine they may take their time.
vi.setConfig({ testTimeout: 60_000 })

const durable = (n: number) => command(n, { delivery: 'durable' })

/** Commits what there is to the main file, then makes something else of every page of a table but its first bytes. */
function damage(path: string, table: string): void {
  const db = new DatabaseSync(path)
  db.exec('PRAGMA wal_checkpoint(TRUNCATE)')
  const pages = db.prepare('SELECT pageno FROM dbstat WHERE name = ?').all(table)
  const size = Number(db.prepare('PRAGMA page_size').get()?.['page_size'])
  db.close()
  const bytes = readFileSync(path)
  for (const { pageno } of pages) bytes.fill(0x5a, (Number(pageno) - 1) * size, Number(pageno) * size)
  writeFileSync(path, bytes, { flag: 'r+' })
}

async function fileWith(prepare: (t: Harness) => Promise<void>): Promise<string> {
  const t = harness()
  await prepare(t)
  await t.stop()
  return t.path
}

const bury = (t: Harness): void => {
  const letters = t.parcels.map((parcel) => ({ parcel, reason: 'NO: not this', attempts: 1 }))
  t.parcels.length = 0
  t.engine.fromShip({ type: 'dead', letters })
}

for (const table of ['dead_letters', 'paused', 'outbox']) {
  test(`a file whose table ${table} is damaged is set aside at the start, and events are taken`, async () => {
    const path = await fileWith(async (t) => {
      t.take(durable(1))
      bury(t)
      await t.operate({ call: 'pause', rule: 'audit' })
      t.take(durable(2))
    })
    damage(path, table)
    const t = harness({ path })
    expect(t.log.at('error')).toEqual(['the outbox cannot be used: set aside, a new one is begun'])
    expect(t.counters.getGlobal(GLOBAL.deadLetters)).toBe(0)
    t.take(durable(3))
    expect(await t.operate({ call: 'status' })).toMatchObject({ status: { events: { pending: 1, dead: 0 } } })
    t.deliver()
    t.conserved()
  })
}

test('dead letters that wait for a file that turns out to be damaged are counted as dropped', async () => {
  const t = harness()
  t.take(...Array.from({ length: 300 }, (_, n) => durable(n)))
  t.take(command(1000))
  damage(t.path, 'outbox')
  const dying = t.parcels.filter(({ id }) => id === command(1000).id)
  t.engine.fromShip({ type: 'dead', letters: dying.map((parcel) => ({ parcel, reason: 'NO', attempts: 1 })) })
  expect(t.counters.getGlobal(GLOBAL.deadLetters)).toBe(1)
  t.take(durable(1001))
  await until(() => t.log.at('info').includes('the outbox is open'))
  expect(t.counters.read().outbox).toMatchObject({ deadLetters: 0, deadLettersDropped: 1 })
  t.deliver()
  t.conserved()
})

test('a rule that is paused stays so in the file that takes the place of a damaged one, and can be resumed', async () => {
  const t = harness()
  await t.operate({ call: 'pause', rule: 'orders' })
  t.take(...Array.from({ length: 300 }, (_, n) => durable(n)))
  damage(t.path, 'outbox')
  t.take(durable(1000))
  await until(() => t.log.at('info').includes('the outbox is open'))
  expect(await t.operate({ call: 'status' })).toMatchObject({ status: { pausedRules: ['orders'] } })
  t.take(command(1001))
  expect(await t.operate({ call: 'resume', rule: 'orders' })).toEqual({ ok: true, changed: 1 })
  expect(t.paused).toEqual([])
  await until(() => t.parcels.some(({ id }) => id === command(1001).id))
  t.deliver()
  t.conserved()
})

test('a thread that begins with a new file tells that no rule is paused, whatever was told before', () => {
  const told: (readonly string[])[] = []
  harness({ tellPaused: (rules) => void told.push(rules) })
  expect(told).toEqual([[]])
})

test('an operator whose call meets damage is told so, and events are taken and delivered as before', async () => {
  const t = harness()
  t.take(durable(1))
  bury(t)
  await t.operate({ call: 'status' })
  damage(t.path, 'dead_letters')
  for (const call of ['redrive', 'list', 'purge'] as const) {
    const answer = await t.operate(
      call === 'redrive' ? { call, filter: {} } : { call, table: 'dead', filter: {}, limit: 9 },
    )
    expect(answer).toEqual({ ok: false, error: expect.stringMatching(/malformed|corrupt/) })
  }
  t.take(durable(2))
  expect(t.rule()).toMatchObject({ pending: 1 })
  t.deliver()
  t.conserved()
})
