import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { KeySlots, NOBODY } from '../../../agent/limits/key-slots.ts'
import { heldBytes } from './support.ts'

describe('KeySlots', () => {
  it('behaves as a Map in order of use whose first entry goes when it is full', () => {
    const key = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'x'.repeat(200), 'x'.repeat(201))
    fc.assert(
      fc.property(fc.array(key, { maxLength: 80 }), fc.integer({ min: 1, max: 6 }), (keys, maxKeys) => {
        const slots = new KeySlots(maxKeys)
        const model = new Map<string, number>()
        for (const one of keys) {
          expect(slots.find(one)).toBe(model.get(one) ?? NOBODY)
          const [first] = model
          if (model.has(one)) slots.touch(slots.find(one))
          else if (slots.isFull && first !== undefined) {
            expect(slots.oldest).toBe(first[1])
            model.delete(first[0])
            expect(slots.claim(one)).toBe(first[1])
          } else slots.claim(one)
          model.delete(one)
          model.set(one, slots.find(one))
          expect([slots.size, slots.oldest]).toEqual([model.size, [...model.values()][0]])
        }
        expect(new Set(model.values()).size).toBe(model.size)
      }),
    )
  })

  it('grows as keys come, up to its bound', () => {
    const slots = new KeySlots(1000)
    expect(slots.capacity).toBeLessThan(100)
    for (let i = 0; i < 3000; i++) slots.claim(`key ${i}`)
    expect([slots.size, slots.capacity]).toEqual([1000, 1001])
    expect([slots.find('key 1999'), slots.find('key 2000') > 0, slots.find('key 2999') > 0]).toEqual([0, true, true])
  })

  it('does not hold on to the requests that keys are parts of', () => {
    const slots = new KeySlots(1000)
    expect(heldBytes((part) => slots.claim(part))).toBeLessThan(5_000_000)
    expect(slots.size).toBe(200)
  })
})
