import { spawn } from 'node:child_process'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import fc from 'fast-check'
import { expect, onTestFinished, test, vi } from 'vitest'
import type { Command } from '../../../agent/dispatch/command.ts'
import { Outbox } from '../../../agent/dispatch/outbox.ts'
import { setAside } from '../../../agent/dispatch/outbox-file.ts'
import { command } from './support/commands.ts'
import { tempFolder } from '../../support/folder.ts'

// Real threads, disks and sockets: on a busy machine they may take their time.
vi.setConfig({ testTimeout: 60_000 })

function open(path = join(tempFolder(), 'outbox.db')): Outbox {
  const outbox = new Outbox(path)
  onTestFinished(() => outbox.close())
  return outbox
}
const idOf = (row: { body: string }): string => (JSON.parse(row.body) as Command).event.id

test('rows come back as they went in, in order, and only once per event id', () => {
  const outbox = open()
  const commands = [command(1), command(2, { kind: 'meter', rule: 'usage', delivery: 'durable' })]
  expect(outbox.insert(commands, 10)).toEqual([1, 2])
  expect(outbox.insert([command(2, { rule: 'usage' }), command(3)], 10)).toEqual(['duplicate', 3])
  expect(
    outbox
      .page(0, 10)
      .map((row) => JSON.parse(row.body) as Command)
      .slice(0, 2),
  ).toEqual(commands)
  expect(outbox.page(1, 1).map((row) => row.seq)).toEqual([2])
  expect(outbox.rowsByRule()).toEqual(
    new Map([
      ['orders', 2],
      ['usage', 1],
    ]),
  )
})

test('what does not fit is refused, what is known already takes no room', () => {
  const outbox = open()
  expect(outbox.insert([command(1), command(1), command(2), command(3)], 2)).toEqual([1, 'duplicate', 2, 'full'])
})

test('a removed row is gone with the next commit and its number is not used again', () => {
  const outbox = open()
  outbox.insert([command(1), command(2)], 10)
  outbox.remove(2)
  outbox.flush()
  expect(outbox.page(0, 10).map(idOf)).toEqual(['orders/000000000001'])
  expect(outbox.insert([command(3)], 10)).toEqual([3])
})

test('a dead letter keeps its body, its reason and its attempts', () => {
  const path = join(tempFolder(), 'outbox.db')
  const outbox = open(path)
  outbox.insert([command(1)], 10)
  outbox.deadLetter(1, 'too large', 3)
  outbox.flush()
  expect(outbox.page(0, 10)).toEqual([])
  const db = new DatabaseSync(path, { readOnly: true })
  expect(db.prepare('SELECT id, rule, reason, attempts FROM dead_letters').get()).toEqual({
    id: 'orders/000000000001',
    rule: 'orders',
    reason: 'too large',
    attempts: 3,
  })
  db.close()
})

test('the file is private, in WAL mode with full synchronisation, and says its version', () => {
  const path = join(tempFolder(), 'deep/outbox.db')
  open(path).insert([command(1)], 1)
  expect(statSync(path).mode & 0o777).toBe(0o600)
  const db = new DatabaseSync(path, { readOnly: true })
  expect(db.prepare('PRAGMA journal_mode').get()).toEqual({ journal_mode: 'wal' })
  expect(db.prepare('PRAGMA user_version').get()).toEqual({ user_version: 1 })
  db.close()
})

test('a failed commit stores nothing and can be repeated', () => {
  const path = join(tempFolder(), 'outbox.db')
  const outbox = open(path)
  outbox.insert([command(1)], 10)
  outbox.remove(1)
  const other = new DatabaseSync(path)
  other.exec('BEGIN IMMEDIATE')
  expect(() => outbox.insert([command(2)], 10)).toThrow(/locked/)
  expect(() => outbox.flush()).toThrow(/locked/)
  other.close()
  expect(outbox.insert([command(2)], 10)).toEqual([2])
  expect(outbox.page(0, 10).map(idOf)).toEqual(['orders/000000000002'])
})

test('a second agent is kept out until the first has closed, a reader is not', () => {
  const path = join(tempFolder(), 'outbox.db')
  const first = new Outbox(path)
  expect(() => new Outbox(path)).toThrow(expect.objectContaining({ code: 'DISPATCH_OUTBOX_LOCKED' }))
  first.close()
  open(path)
})

test('a file of a newer release is refused, and setting it aside keeps its rows', () => {
  const path = join(tempFolder(), 'outbox.db')
  const first = new Outbox(path)
  first.insert([command(1)], 1)
  first.close()
  const db = new DatabaseSync(path)
  db.exec('PRAGMA user_version = 99')
  db.close()
  expect(() => new Outbox(path)).toThrow(expect.objectContaining({ code: 'DISPATCH_OUTBOX_NEWER' }))
  const aside = new DatabaseSync(setAside(path), { readOnly: true })
  expect(aside.prepare('SELECT count(*) AS n FROM outbox').get()).toEqual({ n: 1 })
  aside.close()
  expect(open(path).page(0, 10)).toEqual([])
})

test('whatever is done to it, the outbox holds what a map would hold, also after it was reopened', () => {
  const step = fc.oneof(
    fc.record({
      do: fc.constant('insert' as const),
      ids: fc.array(fc.nat(40), { minLength: 1, maxLength: 8 }),
      room: fc.nat(8),
    }),
    fc.record({ do: fc.constantFrom('remove' as const, 'deadLetter' as const), pick: fc.nat(20) }),
    fc.record({ do: fc.constantFrom('flush' as const, 'reopen' as const), pick: fc.constant(0) }),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const path = join(tempFolder(), 'outbox.db')
      let outbox = new Outbox(path)
      const rows = new Map<string, number>()
      const leaving = new Set<string>()
      for (const each of steps) {
        if (each.do === 'insert') {
          const result = outbox.insert(
            each.ids.map((n) => command(n)),
            each.room,
          )
          for (const id of leaving) rows.delete(id)
          leaving.clear()
          each.ids.forEach((n, i) => {
            const seq = result[i]
            if (typeof seq === 'number') rows.set(command(n).event.id, seq)
            else if (seq === 'duplicate') expect(rows.has(command(n).event.id)).toBe(true)
          })
        } else if (each.do === 'flush' || each.do === 'reopen') {
          if (each.do === 'flush') outbox.flush()
          else {
            outbox.close()
            outbox = new Outbox(path)
          }
          for (const id of leaving) rows.delete(id)
          leaving.clear()
        } else {
          const [id, seq] = [...rows][each.pick] ?? []
          if (id === undefined || seq === undefined || leaving.has(id)) continue
          leaving.add(id)
          if (each.do === 'remove') outbox.remove(seq)
          else outbox.deadLetter(seq, 'refused', 1)
        }
      }
      outbox.flush()
      for (const id of leaving) rows.delete(id)
      expect(outbox.page(0, 100).map((row) => [idOf(row), row.seq])).toEqual([...rows].toSorted((a, b) => a[1] - b[1]))
      outbox.close()
    }),
    { numRuns: 25 },
  )
})

test('kill -9 in the middle of a write loses nothing that was committed and tears no row', async () => {
  const path = join(tempFolder(), 'outbox.db')
  const committed = new Set<string>()
  const removed = new Set<string>()
  for (let round = 0; round < 4; round++) {
    const lines = await writtenUntilKilled(path, round * 1_000_000, 200 + round * 137)
    for (const line of lines) {
      if (line.startsWith('-')) removed.add(command(Number(line.slice(1))).event.id)
      else {
        const [from = 0, to = 0] = line.slice(1).split(',').map(Number)
        for (let n = from; n < to; n++) committed.add(command(n).event.id)
      }
    }
    const outbox = new Outbox(path)
    const found = new Set(outbox.page(0, 1_000_000).map(idOf))
    for (const id of committed) if (!removed.has(id)) expect(found).toContain(id)
    outbox.close()
  }
})

/** Lets a child write until it has reported so many lines, then kills it. Returns the lines that were complete. */
async function writtenUntilKilled(path: string, first: number, lines: number): Promise<string[]> {
  const script = join(import.meta.dirname, 'support/writing-process.ts')
  const child = spawn(process.execPath, ['--conditions=development', script, path, String(first)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  let output = ''
  child.stdout.on('data', (bytes) => {
    output += String(bytes)
    if (output.split('\n').length > lines) child.kill('SIGKILL')
  })
  await new Promise((resolve) => child.once('close', resolve))
  return output.split('\n').slice(0, -1)
}
