import { expect, test } from 'vitest'
import { RecentIds } from '../../../agent/dispatch/recent-ids.ts'

test('the last ids are known, older ones are forgotten, and memory stays bounded', () => {
  const recent = new RecentIds(100)
  for (let i = 0; i < 1_000; i++) recent.add(`id-${i}`)
  for (let i = 900; i < 1_000; i++) expect(recent.has(`id-${i}`)).toBe(true)
  for (let i = 0; i < 800; i++) expect(recent.has(`id-${i}`)).toBe(false)
})

test('a deleted id is unknown, whichever generation it was in', () => {
  const recent = new RecentIds(2)
  for (const id of ['a', 'b', 'c']) recent.add(id)
  recent.delete('a')
  recent.delete('c')
  expect(['a', 'b', 'c'].filter((id) => recent.has(id))).toEqual(['b'])
})

test('whoever has one event refused again and again makes no other one forgotten', () => {
  const recent = new RecentIds(10)
  recent.add('kept')
  for (let i = 0; i < 100; i++) {
    recent.add('refused')
    recent.delete('refused')
  }
  expect([recent.has('kept'), recent.has('refused')]).toEqual([true, false])
})

test('long ids are forgotten earlier, so that their memory is bounded too', () => {
  const recent = new RecentIds(100)
  const long = (i: number): string => `${i}`.padEnd(10_000, 'x')
  for (let i = 0; i < 20; i++) recent.add(long(i))
  const known = Array.from({ length: 20 }, (_, i) => i).filter((i) => recent.has(long(i)))
  expect(known).toEqual([15, 16, 17, 18, 19].slice(-known.length))
  expect(known.length).toBeGreaterThanOrEqual(3)
})

test('an id is the same as text and as bytes, also where it is not ASCII', () => {
  const recent = new RecentIds(10)
  recent.add('zoë')
  const bytes = Buffer.from('-zoë-')
  expect(recent.hasBytes(bytes, 1, bytes.length - 1)).toBe(true)
  recent.delete('zoë')
  expect(recent.hasBytes(bytes, 1, bytes.length - 1)).toBe(false)
})
