import { expect, test } from 'vitest'
import { type Siding, Sidings } from '../../../../agent/dispatch/store/sidings.ts'

const found = (siding: Siding | undefined): Siding => {
  if (siding === undefined) throw new Error('there is no such siding')
  return siding
}

test('the siding that was read from last is the last one', () => {
  const sidings = new Sidings()
  sidings.beginRule('a', 1)
  sidings.beginNamespace('b', 2)
  sidings.advance(found(sidings.ofRule('a')), 5)
  expect(Array.from(sidings.inTurn, ({ kind, name, cursor }) => [kind, name, cursor])).toEqual([
    ['namespace', 'b', 2],
    ['rule', 'a', 5],
  ])
})

test('a rule that is read as far as all others is as they are again', () => {
  const sidings = new Sidings()
  sidings.beginRule('a', 9)
  sidings.beginRule('b', 10)
  sidings.endRead(10)
  expect([sidings.ofRule('a')?.cursor, sidings.ofRule('b'), sidings.size]).toEqual([9, undefined, 1])
})

test('a lane ends when it has come as far as the reader of its namespace, which passes its rows', () => {
  const sidings = new Sidings()
  sidings.beginLane('', 'hot', 5)
  sidings.beginLane('other', 'hot', 5)
  sidings.beginNamespace('', 7)
  sidings.advance(found(sidings.ofLane('', 'hot')), 7)
  sidings.advance(found(sidings.ofLane('other', 'hot')), 7)
  expect(sidings.endOf(found(sidings.ofLane('', 'hot')), 20)).toBe(7)
  sidings.endRead(20)
  expect(sidings.ofLane('', 'hot')).toBeUndefined()
  expect(sidings.ofLane('other', 'hot')).toBeDefined()
  expect(sidings.lanedNamespaces).toEqual(['other'])
  sidings.advance(found(sidings.ofNamespace('')), 20)
  sidings.endRead(20)
  expect(sidings.ofNamespace('')).toBeUndefined()
})

test('only so many lanes of a namespace wait apart', () => {
  const sidings = new Sidings()
  for (let n = 0; n < 256; n++) expect(sidings.beginLane('', `key-${n}`, n)).toBe(true)
  expect(sidings.beginLane('', 'one more', 1)).toBe(false)
  expect(sidings.beginLane('other', 'one more', 1)).toBe(true)
  sidings.endRead(255)
  expect([sidings.size, sidings.lanesOf('').length]).toEqual([256, 255])
  sidings.clear()
  expect([sidings.size, sidings.lanesOf('').length, sidings.ofLane('other', 'one more')]).toEqual([0, 0, undefined])
})
