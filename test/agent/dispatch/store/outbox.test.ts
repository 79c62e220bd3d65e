import { statSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import fc from 'fast-check'
import { expect, onTestFinished, test, vi } from 'vitest'
import { setAside } from '../../../../agent/dispatch/store/outbox-file.ts'
import { Outbox } from '../../../../agent/dispatch/store/outbox.ts'
import { VERSION } from '../../../../agent/dispatch/store/schema.ts'
import { tempFolder } from '../../../support/folder.ts'
import { idsIn, readable, ROOM, row, rowBytes } from './support.ts'

// Real disks: on a busy machine they may take their time.
vi.setConfig({ testTimeout: 60_000 })

function open(path = join(tempFolder(), 'outbox.db'), retain = false): Outbox {
  const outbox = new Outbox(path, undefined, retain)
  onTestFinished(() => outbox.close())
  return outbox
}

test('rows come back as they went in, in order, and only once per event id', () => {
  const outbox = open()
  const rows = [row(1), row(2, { kind: 'meter', rule: 'usage', delivery: 'durable' }, 40)]
  expect(outbox.insert(rows, { ...ROOM })).toEqual([1, 2])
  expect(outbox.insert([row(2, { rule: 'usage' }), row(3)], { ...ROOM })).toEqual(['duplicate', 3])
  expect(readable(outbox).slice(0, 2)).toEqual(rows.map((one, i) => ({ ...one, seq: i + 1 })))
  expect(outbox.amounts()).toEqual(
    new Map([
      ['orders', { events: 2, bytes: rowBytes(row(1)) + rowBytes(row(3)) }],
      ['usage', { events: 40, bytes: rowBytes(row(2, { kind: 'meter', rule: 'usage' })) }],
    ]),
  )
})

test('pages end at a number of rows or of bytes, and go on behind the last one', () => {
  const outbox = open()
  outbox.insert([row(1), row(2), row(3), row(4)], { ...ROOM })
  const seqs = (from: number, limit: number, bytes: number) => {
    const { rows, end } = outbox.page(from, limit, bytes, { except: [] })
    return [rows.map(({ seq }) => seq), end]
  }
  expect(seqs(0, 3, Infinity)).toEqual([[1, 2, 3], 3])
  expect(seqs(3, 3, Infinity)).toEqual([[4], 4])
  expect(seqs(0, 3, 1)).toEqual([[1], 1])
  expect(seqs(4, 3, Infinity)).toEqual([[], 4])
})

test('rows of paused rules are left out of pages', () => {
  const outbox = open()
  outbox.insert([row(1), row(2, { rule: 'usage' }), row(3, { rule: 'audit' }), row(4)], { ...ROOM })
  const { rows, end } = outbox.page(0, 10, Infinity, { except: ['orders', 'audit'] })
  expect([rows.map(({ seq }) => seq), end]).toEqual([[2], 4])
})

test('what does not fit is refused, what is known already takes no room', () => {
  const outbox = open()
  const rows = [row(1), row(1), row(2), row(3)]
  const room = { events: 2, bytes: Infinity }
  expect(outbox.insert(rows, room)).toEqual([1, 'duplicate', 2, 'full'])
  expect(room.events).toBe(0)
  expect(outbox.insert([row(4), row(5)], { events: 10, bytes: rowBytes(row(4)) })).toEqual([3, 'full'])
  expect(outbox.insert([row(6, {}, 40)], { events: 39, bytes: Infinity })).toEqual(['full'])
})

test('a removed row is gone with the next commit and its number is not used again', () => {
  const outbox = open()
  outbox.insert([row(1), row(2)], { ...ROOM })
  outbox.remove(2)
  outbox.flush()
  expect(idsIn(outbox)).toEqual(['orders/000000000001'])
  expect(outbox.insert([row(3)], { ...ROOM })).toEqual([3])
})

test('delivered rows go, or stay among the delivered ones where those are kept', () => {
  for (const retain of [false, true]) {
    const outbox = open(undefined, retain)
    outbox.insert([row(1), row(2), row(3), row(5)], { ...ROOM })
    for (const seq of [3, 1, 2, 2]) outbox.deliver(seq)
    outbox.flush()
    expect(idsIn(outbox)).toEqual([row(5).id])
    const kept = outbox.db.prepare('SELECT id, workflow_id FROM delivered ORDER BY seq').all()
    expect(kept.map((one) => one['id'])).toEqual(retain ? [row(1).id, row(2).id, row(3).id] : [])
  }
})

test('a dead letter keeps its body, its reason and its attempts', () => {
  const outbox = open()
  outbox.insert([row(1)], { ...ROOM })
  outbox.bury(1, 'too large', 3)
  outbox.flush()
  expect(idsIn(outbox)).toEqual([])
  const columns = 'id, rule, body, reason, attempts'
  const { id, rule, body } = row(1)
  const dead = outbox.db.prepare(`SELECT ${columns} FROM dead_letters`).get()
  expect({ ...dead, body: '' }).toEqual({ id, rule, body: '', reason: 'too large', attempts: 3 })
  expect(JSON.parse(String(dead?.['body']))).toMatchObject({ id: (JSON.parse(body) as { id: string }).id })
})

test('the file is private, in WAL mode with full synchronisation, and says its version', () => {
  const path = join(tempFolder(), 'deep/outbox.db')
  const outbox = open(path)
  outbox.insert([row(1)], { ...ROOM })
  expect(statSync(path).mode & 0o777).toBe(0o600)
  const pragma = (name: string) => outbox.db.prepare(`PRAGMA ${name}`).get()
  expect([pragma('journal_mode'), pragma('synchronous'), pragma('user_version')]).toEqual([
    { journal_mode: 'wal' },
    { synchronous: 2 },
    { user_version: VERSION },
  ])
})

test('a failed commit stores nothing and can be repeated', () => {
  const path = join(tempFolder(), 'outbox.db')
  const outbox = open(path)
  outbox.insert([row(1)], { ...ROOM })
  outbox.remove(1)
  const other = new DatabaseSync(path)
  other.exec('BEGIN IMMEDIATE')
  expect(() => outbox.insert([row(2, { rule: 'new' })], { ...ROOM })).toThrow(/locked/)
  expect(() => outbox.flush()).toThrow(/locked/)
  other.close()
  expect(outbox.insert([row(2, { rule: 'new' })], { ...ROOM })).toEqual([2])
  expect(readable(outbox)).toMatchObject([{ id: row(2, { rule: 'new' }).id, action: row(2, { rule: 'new' }).action }])
})

test('a disk without room takes nothing, keeps what it has, and takes events again when there is room', () => {
  const outbox = open()
  outbox.insert([row(1)], { ...ROOM })
  const pages = Number(outbox.db.prepare('PRAGMA page_count').get()?.['page_count'])
  outbox.db.exec(`PRAGMA max_page_count = ${pages}`)
  const big = { ...row(2), body: JSON.stringify('x'.repeat(100_000)) }
  expect(() => outbox.insert([big], { ...ROOM })).toThrow(expect.objectContaining({ errcode: 13 }))
  expect(idsIn(outbox)).toEqual([row(1).id])
  outbox.db.exec('PRAGMA max_page_count = 1000000')
  expect(outbox.insert([big], { ...ROOM })).toEqual([2])
})

test('a second agent is kept out until the first has closed', () => {
  const path = join(tempFolder(), 'outbox.db')
  const first = new Outbox(path)
  expect(() => new Outbox(path)).toThrow(expect.objectContaining({ code: 'DISPATCH_OUTBOX_LOCKED' }))
  first.close()
  open(path)
})

test('a file of a newer release is refused, and setting it aside keeps its rows', () => {
  const path = join(tempFolder(), 'outbox.db')
  const first = new Outbox(path)
  first.insert([row(1)], { ...ROOM })
  first.db.exec('PRAGMA user_version = 99')
  first.close()
  expect(() => new Outbox(path)).toThrow(expect.objectContaining({ code: 'DISPATCH_OUTBOX_NEWER' }))
  const aside = new DatabaseSync(setAside(path), { readOnly: true })
  expect(aside.prepare('SELECT count(*) AS n FROM outbox').get()).toEqual({ n: 1 })
  aside.close()
  expect(idsIn(open(path))).toEqual([])
})

test('whatever is done to it, the outbox holds what a map would hold, also after it was reopened', () => {
  const step = fc.oneof(
    fc.record({
      do: fc.constant('insert' as const),
      ids: fc.array(fc.nat(40), { minLength: 1, maxLength: 8 }),
      room: fc.nat(8),
    }),
    fc.record({ do: fc.constantFrom('remove' as const, 'bury' as const, 'deliver' as const), pick: fc.nat(20) }),
    fc.record({ do: fc.constantFrom('flush' as const, 'reopen' as const), pick: fc.constant(0) }),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), fc.boolean(), (steps, retain) => {
      const path = join(tempFolder(), 'outbox.db')
      let outbox = new Outbox(path, undefined, retain)
      const rows = new Map<string, number>()
      const leaving = new Set<string>()
      const committed = (): void => {
        for (const id of leaving) rows.delete(id)
        leaving.clear()
      }
      for (const each of steps) {
        if (each.do === 'insert') {
          const result = outbox.insert(
            each.ids.map((n) => row(n)),
            { events: each.room, bytes: Infinity },
          )
          committed()
          each.ids.forEach((n, i) => {
            const seq = result[i]
            if (typeof seq === 'number') rows.set(row(n).id, seq)
            else if (seq === 'duplicate') expect(rows.has(row(n).id)).toBe(true)
          })
        } else if (each.do === 'flush' || each.do === 'reopen') {
          if (each.do === 'flush') outbox.flush()
          else {
            outbox.close()
            outbox = new Outbox(path, undefined, retain)
          }
          committed()
        } else {
          const [id, seq] = [...rows][each.pick] ?? []
          if (id === undefined || seq === undefined || leaving.has(id)) continue
          leaving.add(id)
          if (each.do === 'bury') outbox.bury(seq, 'refused', 1)
          else outbox[each.do](seq)
        }
      }
      outbox.flush()
      committed()
      expect(readable(outbox).map(({ id, seq }) => [id, seq])).toEqual([...rows].toSorted((a, b) => a[1] - b[1]))
      outbox.close()
    }),
    { numRuns: 25 },
  )
})
