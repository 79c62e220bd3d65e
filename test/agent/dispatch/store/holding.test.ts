import { expect, test } from 'vitest'
import { Holding } from '../../../../agent/dispatch/store/holding.ts'

function fill(holding: Holding, rule: string, bytes = 1): number {
  let parcels = 0
  for (; holding.hasRoom(rule); parcels++) holding.add(rule, bytes)
  return parcels
}

test('one rule alone may hold a third of the whole, and every further one half of what is left', () => {
  const holding = new Holding({ parcels: 300, bytes: 1e9 })
  expect(fill(holding, 'a')).toBe(100)
  expect(fill(holding, 'b')).toBe(67)
  expect(fill(holding, 'c')).toBe(45)
  expect(holding.parcels).toBe(212)
})

test('bytes bound it as well as parcels do', () => {
  const holding = new Holding({ parcels: 1e6, bytes: 3000 })
  expect(fill(holding, 'a', 100)).toBe(10)
  expect(holding.bytes).toBe(1000)
})

test('however many rules hold something, the next one may hold one', () => {
  const holding = new Holding({ parcels: 30, bytes: 1e9 })
  for (let n = 0; n < 100; n++) expect(fill(holding, `rule-${n}`)).toBeGreaterThanOrEqual(1)
})

test('nothing is read back for a rule before half of its share is free', () => {
  const holding = new Holding({ parcels: 300, bytes: 1e9 })
  expect(holding.wanted('a')).toBe(150)
  fill(holding, 'a')
  expect(holding.wanted('a')).toBe(0)
  for (let n = 0; n < 41; n++) holding.remove('a', 1)
  expect(holding.wanted('a')).toBe(61)
  expect(() => holding.remove('b', 1)).toThrow(TypeError)
})
