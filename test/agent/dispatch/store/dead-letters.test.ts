import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import fc from 'fast-check'
import { expect, onTestFinished, test, vi } from 'vitest'
import { RowCipher } from '../../../../agent/crypto/row-cipher.ts'
import type { Amount } from '../../../../agent/dispatch/store/outbox.ts'
import { Outbox } from '../../../../agent/dispatch/store/outbox.ts'
import { RowCodec } from '../../../../agent/dispatch/store/row-codec.ts'
import { newest } from '../../../../agent/dispatch/store/windows.ts'
import { tempFolder } from '../../../support/folder.ts'
import { ringOf } from '../../crypto/support/keys.ts'
import { idsIn, readable, ROOM, row, rowBytes } from './support.ts'

// Real disks: on a busy machine they may take their time.
vi.setConfig({ testTimeout: 60_000 })

interface Opened {
  readonly outbox: Outbox
  /** What was told last of the events that are kept, and all events that were dropped. */
  readonly told: { events: number; dropped: number }
}

function open(bounds: Partial<Amount> = {}, path = join(tempFolder(), 'outbox.db'), cipher?: RowCipher): Opened {
  const told = { events: 0, dropped: 0 }
  const outbox = new Outbox(path, cipher, false, {
    bounds: { events: Infinity, bytes: Infinity, ...bounds },
    changed(events, dropped) {
      told.events = events
      told.dropped += dropped
    },
  })
  outbox.dead.recount()
  onTestFinished(() => outbox.close())
  return { outbox, told }
}

const dead = ({ db }: Outbox): string[] =>
  db
    .prepare('SELECT id FROM dead_letters ORDER BY seq')
    .all()
    .map(({ id }) => String(id))

const ids = (...numbers: number[]): string[] => numbers.map((n) => row(n).id)

test('dead letters leave with the next commit, whether their events have rows or not', () => {
  const { outbox, told } = open()
  outbox.insert([row(1), row(2)], { ...ROOM })
  outbox.bury(1, 'no', 1)
  outbox.dead.add(row(3, {}, 40), 'no', 2)
  expect(dead(outbox)).toEqual([])
  outbox.insert([row(4)], { ...ROOM })
  expect(dead(outbox)).toEqual(ids(1, 3))
  expect(idsIn(outbox)).toEqual(ids(2, 4))
  expect(told).toEqual({ events: 41, dropped: 0 })
  expect(outbox.db.prepare('SELECT reason, attempts FROM dead_letters WHERE id = ?').get(row(3).id)).toEqual({
    reason: 'no',
    attempts: 2,
  })
})

test('beyond the events that are allowed the oldest dead letters make room', () => {
  const { outbox, told } = open({ events: 3 })
  for (const n of [1, 2, 3, 4]) outbox.dead.add(row(n), 'no', 1)
  outbox.flush()
  expect([dead(outbox), told]).toEqual([ids(2, 3, 4), { events: 3, dropped: 1 }])
  outbox.dead.add(row(5, {}, 2), 'no', 1)
  outbox.flush()
  expect([dead(outbox), told]).toEqual([ids(4, 5), { events: 3, dropped: 3 }])
})

test('beyond the bytes that are allowed the oldest make room, but the newest stays however large it is', () => {
  const reason = 'no'
  const { outbox, told } = open({ bytes: 2 * (rowBytes(row(1)) + reason.length) })
  for (const n of [1, 2, 3]) outbox.dead.add(row(n), reason, 1)
  outbox.flush()
  expect([dead(outbox), told]).toEqual([ids(2, 3), { events: 2, dropped: 1 }])
  outbox.dead.add({ ...row(4), body: JSON.stringify('x'.repeat(10_000)) }, reason, 1)
  outbox.flush()
  expect([dead(outbox), told]).toEqual([ids(4), { events: 1, dropped: 3 }])
  expect(outbox.dead.due).toBe(false)
})

test('an event that dies again is one dead letter, the later one', () => {
  const { outbox, told } = open()
  outbox.dead.add(row(1), 'first', 1)
  outbox.flush()
  outbox.insert([row(1)], { ...ROOM })
  outbox.bury(1, 'second', 2)
  outbox.flush()
  expect(outbox.db.prepare('SELECT reason FROM dead_letters').all()).toEqual([{ reason: 'second' }])
  expect(told).toEqual({ events: 1, dropped: 0 })
})

test('a burial whose row is gone is not due for ever', () => {
  const { outbox, told } = open()
  outbox.insert([row(1)], { ...ROOM })
  outbox.discard('outbox', [1])
  outbox.bury(1, 'no', 1)
  outbox.flush()
  expect(outbox.dead.due).toBe(false)
  expect(told).toEqual({ events: 0, dropped: 0 })
})

test('dead letters that are discarded are counted, once each, whatever made others go before', () => {
  const { outbox, told } = open({ events: 4 })
  for (const n of [1, 2, 3]) outbox.dead.add(row(n, {}, n), 'no', 1)
  outbox.flush()
  expect([dead(outbox), told, outbox.dead.events]).toEqual([ids(3), { events: 3, dropped: 3 }, 3])
  // The bound takes the third one away before it can be discarded.
  outbox.dead.add(row(4, {}, 2), 'no', 1)
  expect(outbox.discard('dead_letters', [3, 3])).toBe(0)
  expect(outbox.discard('dead_letters', [4])).toBe(2)
  expect([dead(outbox), told, outbox.dead.events]).toEqual([[], { events: 0, dropped: 6 }, 0])
})

test('in an encrypted outbox dead letters without rows are sealed, call options too', () => {
  const { outbox } = open({}, undefined, new RowCipher({ current: ringOf('a') }))
  const call = JSON.stringify({ memo: 'secret' })
  outbox.dead.add({ ...row(1), call }, 'no', 1)
  outbox.flush()
  const stored = outbox.db.prepare('SELECT body, call FROM dead_letters').get()
  expect([RowCodec.isSealed(stored?.['body']), RowCodec.isSealed(stored?.['call'])]).toEqual([true, true])
  outbox.moveBack({ table: 'dead_letters', where: '1', values: [] }, 0, { rows: 9, bytes: 1e9 }, 9, (one) => one)
  expect(readable(outbox)).toMatchObject([{ id: row(1).id, call }])
})

test('a file with more dead letters than are allowed loses the oldest in steps', () => {
  const path = join(tempFolder(), 'outbox.db')
  const before = new Outbox(path)
  for (let n = 0; n < 3000; n++) before.dead.add(row(n), 'no', 1)
  before.close()
  const { outbox, told } = open({ events: 100 }, path)
  expect(told).toEqual({ events: 3000, dropped: 0 })
  outbox.flush()
  expect(told).toEqual({ events: 2000, dropped: 1000 })
  while (outbox.dead.due) outbox.flush()
  expect(told).toEqual({ events: 100, dropped: 2900 })
  expect(dead(outbox)).toEqual(Array.from({ length: 100 }, (_, n) => row(2900 + n).id))
})

test('whatever is done, and whichever commits fail, what is told is what is in the table', () => {
  const n = fc.nat(12)
  const step = fc.oneof(
    fc.record({ do: fc.constant('add' as const), n, events: fc.integer({ min: 1, max: 4 }) }),
    fc.record({ do: fc.constant('bury' as const), n, events: fc.integer({ min: 1, max: 4 }) }),
    fc.record({
      do: fc.constantFrom('redrive' as const, 'purge' as const, 'flush' as const, 'fail' as const),
      n,
      events: fc.constant(1),
    }),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), fc.integer({ min: 1, max: 12 }), (steps, most) => {
      const path = join(tempFolder(), 'outbox.db')
      const { outbox, told } = open({ events: most }, path)
      let added = 0
      for (const each of steps) {
        if (each.do === 'add') outbox.dead.add(row(each.n, {}, each.events), 'no', 1)
        else if (each.do === 'bury') {
          const [seq] = outbox.insert([row(`${each.n}b`, {}, each.events)], { ...ROOM })
          if (typeof seq === 'number') outbox.bury(seq, 'no', ++added)
        } else if (each.do === 'redrive') {
          outbox.flush()
          const wanted = { table: 'dead_letters', where: 'id = ?', values: [row(each.n).id] } as const
          outbox.moveBack(wanted, 0, { rows: 50, bytes: Infinity }, Number.MAX_SAFE_INTEGER, (one) => one)
        } else if (each.do === 'purge') {
          const seq = newest(outbox.db, 'dead_letters') - each.n
          outbox.discard('dead_letters', [seq, seq + 1])
        } else if (each.do === 'flush') outbox.flush()
        else {
          const quota = outbox.db.prepare('PRAGMA page_count').get()?.['page_count']
          outbox.db.exec(`PRAGMA max_page_count = ${Number(quota)}`)
          const big = { ...row('big'), body: JSON.stringify('x'.repeat(100_000)) }
          expect(() => outbox.insert([big], { ...ROOM })).toThrow(/full/)
          outbox.db.exec('PRAGMA max_page_count = 1000000')
        }
      }
      while (outbox.dead.due) outbox.flush()
      const kept = Number(outbox.db.prepare('SELECT coalesce(sum(events), 0) AS n FROM dead_letters').get()?.['n'])
      expect(told.events).toBe(kept)
      expect(kept <= most || dead(outbox).length === 1).toBe(true)
      const reader = new DatabaseSync(path, { readOnly: true })
      expect(reader.prepare('SELECT count(*) AS n FROM dead_letters').get()).toEqual({ n: dead(outbox).length })
      reader.close()
    }),
    { numRuns: 30 },
  )
})
