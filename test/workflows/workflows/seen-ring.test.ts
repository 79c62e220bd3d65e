import fc from 'fast-check'
import { expect, test } from 'vitest'
import { SeenRing } from '../../../workflows/workflows/seen-ring.ts'

test('an id is new once', () => {
  const ring = new SeenRing(3)
  expect(ring.add('a')).toBe(true)
  expect(ring.add('a')).toBe(false)
})

test('the oldest id is forgotten first, and then new again', () => {
  const ring = new SeenRing(2, ['a', 'b', 'c'])
  expect(ring.toArray()).toEqual(['b', 'c'])
  expect(ring.add('c')).toBe(false)
  expect(ring.add('a')).toBe(true)
})

test('long ids do not make it larger than a payload may be', () => {
  const ring = new SeenRing(5000)
  for (let n = 0; n < 2000; n++) ring.add(`${n}`.padEnd(1000))
  expect(JSON.stringify(ring.toArray()).length).toBeLessThan(400_000)
  expect(ring.add('1999'.padEnd(1000))).toBe(false)
})

test('it equals a list of the last distinct ids, however often it goes through JSON', () => {
  const ids = fc.array(fc.integer({ min: 0, max: 30 }).map(String), { maxLength: 200 })
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 12 }), ids, fc.integer({ min: 1, max: 20 }), (capacity, stream, every) => {
      let ring = new SeenRing(capacity)
      let model: string[] = []
      for (const [i, id] of stream.entries()) {
        expect(ring.add(id)).toBe(!model.includes(id))
        if (!model.includes(id)) model = [...model, id].slice(-capacity)
        if (i % every === 0) ring = new SeenRing(capacity, JSON.parse(JSON.stringify(ring.toArray())) as string[])
      }
      expect(ring.toArray()).toEqual(model)
      expect(ring.size).toBe(model.length)
    }),
  )
})

test('a capacity below one is refused', () => {
  expect(() => new SeenRing(0)).toThrow(RangeError)
})
