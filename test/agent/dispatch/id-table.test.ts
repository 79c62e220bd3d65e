import fc from 'fast-check'
import { expect, test } from 'vitest'
import { IdTable } from '../../../agent/dispatch/id-table.ts'

const ids = ['', 'a', 'b', 'ab', 'ba', 'ü', 'x'.repeat(300), 'x'.repeat(301)]

test('an id is there from add to delete, whatever hashes collide', () => {
  const steps = fc.array(fc.record({ id: fc.constantFrom(...ids), isAdded: fc.boolean() }), { maxLength: 30 })
  // So few hashes that most ids share theirs, at the last slot too.
  const hashes = fc.record(Object.fromEntries(ids.map((id) => [id, fc.constantFrom(0, 1, -1, 0x7fffffff)])))
  fc.assert(
    fc.property(steps, hashes, (list, hashOf) => {
      const table = new IdTable(list.length)
      const known = new Set<string>()
      for (const { id, isAdded } of list) {
        const bytes = Buffer.from(`--${id}--`)
        const [hash, to] = [hashOf[id] ?? 0, bytes.length - 2]
        expect(table.has(hash, bytes, 2, to)).toBe(known.has(id))
        if (!isAdded) table.delete(hash, bytes, 2, to)
        else if (!known.has(id)) table.add(hash, bytes, 2, to)
        if (isAdded) known.add(id)
        else known.delete(id)
      }
      for (const id of ids) {
        const bytes = Buffer.from(id)
        expect(table.has(hashOf[id] ?? 0, bytes, 0, bytes.length)).toBe(known.has(id))
      }
      table.clear()
      expect([table.added, table.bytes, table.has(0, Buffer.from('a'), 0, 1)]).toEqual([0, 0, false])
    }),
  )
})

test('thousands of ids, which outgrow the memory that it begins with, are all there', () => {
  const table = new IdTable(5_000)
  const id = (i: number): Buffer => Buffer.from(`usage/19AE5F-${i}`.padEnd(30, '.'))
  for (let i = 0; i < 5_000; i++) table.add(i * 7919, id(i), 0, 30)
  for (let i = 0; i < 5_000; i++) expect(table.has(i * 7919, id(i), 0, 30)).toBe(true)
  expect(table.has(7919, id(5_000), 0, 30)).toBe(false)
  expect(table.added).toBe(5_000)
})

test('an id that is deleted and added for ever takes one place, and makes the way to no other one longer', () => {
  // With a place for each time the table would be full, and to look for an id that is not there would never end.
  const table = new IdTable(4)
  const [again, other] = [Buffer.from('again'), Buffer.from('other')]
  for (let i = 0; i < 100; i++) {
    table.add(7, again, 0, 5)
    table.delete(7, again, 0, 5)
  }
  expect([table.has(7, again, 0, 5), table.has(7, other, 0, 5), table.added]).toEqual([false, false, 1])
  table.add(7, other, 0, 5)
  table.add(7, again, 0, 5)
  expect([table.has(7, again, 0, 5), table.has(7, other, 0, 5), table.added]).toEqual([true, true, 2])
})
