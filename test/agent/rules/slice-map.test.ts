import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hashOf, SliceMap } from '../../../agent/rules/slice-map.ts'

function ask<T>(map: SliceMap<T>, part: string): T | undefined {
  const text = `/${part}/more`
  const to = part.length + 1
  return map.get(hashOf(text, 1, to), text, 1, to)
}

describe('a map asked with parts of texts', () => {
  it('answers as a map of texts does, small or large', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '/', 'é'), maxLength: 3 })
    fc.assert(
      fc.property(fc.array(text, { maxLength: 40, size: 'max' }), fc.array(text), (texts, asked) => {
        const map = new SliceMap<number>()
        const plain = new Map<string, number>()
        expect(map.isEmpty).toBe(true)
        for (const [i, each] of texts.entries()) {
          if (!plain.has(each)) plain.set(each, i)
          expect(map.getOrAdd(each, () => i)).toBe(plain.get(each))
          expect(map.isEmpty).toBe(false)
        }
        for (const each of [...texts, ...asked]) expect([each, ask(map, each)]).toEqual([each, plain.get(each)])
      }),
    )
  })

  it.each([0, 2, 10])('keeps texts with one hash apart, with %d others', (others) => {
    // Known collisions of FNV-1a.
    const pairs = ['costarring', 'liquid', 'declinate', 'macallums']
    expect(hashOf('costarring', 0, 10)).toBe(hashOf('liquid', 0, 6))
    expect(hashOf('declinate', 0, 9)).toBe(hashOf('macallums', 0, 9))
    const map = new SliceMap<string>()
    const texts = [...pairs.slice(0, 3), ...Array.from({ length: others }, (_, i) => `x${i}`)]
    for (const text of texts) map.getOrAdd(text, () => text)
    for (const text of texts) expect(ask(map, text)).toBe(text)
    expect(ask(map, 'macallums')).toBeUndefined()
    map.getOrAdd('macallums', () => 'macallums')
    expect(ask(map, 'macallums')).toBe('macallums')
    expect(ask(map, 'declinate')).toBe('declinate')
  })
})
