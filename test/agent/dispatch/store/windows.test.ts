import { DatabaseSync } from 'node:sqlite'
import { expect, onTestFinished, test } from 'vitest'
import { findAfter, newest, type Portion, windowAfter } from '../../../../agent/dispatch/store/windows.ts'

function table(...seqs: number[]): DatabaseSync {
  const db = new DatabaseSync(':memory:')
  onTestFinished(() => db.close())
  db.exec('CREATE TABLE t (seq INTEGER PRIMARY KEY, rule TEXT, body TEXT)')
  const insert = db.prepare('INSERT INTO t VALUES (?, ?, ?)')
  for (const seq of seqs) insert.run(seq, seq % 2 === 0 ? 'even' : 'odd', 'x'.repeat(10))
  return db
}

test('windows follow each other over all rows, and step over what is not there', () => {
  const db = table(3, 4, 1_000_000, 1_000_001, 1_000_002)
  expect(windowAfter(db, 't', 0, 2)).toEqual({ from: 3, to: 4 })
  expect(windowAfter(db, 't', 4, 2)).toEqual({ from: 1_000_000, to: 1_000_001 })
  expect(windowAfter(db, 't', 1_000_002, 2)).toBeUndefined()
  expect([newest(db, 't'), newest(table(), 't')]).toEqual([1_000_002, 0])
})

test('what is looked for is found portion by portion, and nothing behind the last row', () => {
  const db = table(...Array.from({ length: 12_000 }, (_, i) => i + 1))
  const wanted = { table: 't', columns: 'rule, body', where: 'rule = ?', values: ['even'] }
  const all = (portion: Portion, last?: number): number[][] => {
    const found: number[][] = []
    for (let seq = 0; ;) {
      const next = findAfter(db, wanted, seq, portion, last)
      if (next === undefined) return found
      found.push(next.rows.map((row) => Number(row['seq'])))
      seq = next.end
    }
  }
  expect(all({ rows: 3, bytes: Infinity }, 9)).toEqual([[2, 4, 6], [8]])
  expect(all({ rows: 100, bytes: 20 }, 7)).toEqual([[2, 4], [6]])
  expect(all({ rows: 10_000, bytes: Infinity }).map(({ length }) => length)).toEqual([
    1000, 1000, 1000, 1000, 1000, 1000,
  ])
  expect(all({ rows: 10_000, bytes: Infinity }).flat()).toEqual(Array.from({ length: 6000 }, (_, i) => 2 * (i + 1)))
})
