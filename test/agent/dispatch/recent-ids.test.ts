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
