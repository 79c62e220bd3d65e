import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { names, NOT_NAMES } from '../../../agent/identity/claim-values.ts'

describe('names', () => {
  it('are each told once, in the order of their first mention, however many there are', () => {
    const name = fc.oneof(
      fc.constantFrom('a', 'b', 'constructor', '__proto__', ''),
      fc.nat(60).map((i) => `role-${i}`),
    )
    fc.assert(
      fc.property(fc.array(name, { maxLength: 80 }), fc.array(name, { maxLength: 80 }), (one, two) => {
        const wanted = [...new Set([...one, ...two].filter((each) => each !== ''))]
        expect(names([one, two])).toEqual(wanted)
        expect(names([one.join(' '), two.join('  ')], ' ')).toEqual(wanted)
      }),
    )
  })

  it('are refused for one that is none, wherever it stands', () => {
    expect(names([[...Array.from({ length: 100 }, (_, i) => `role-${i}`), '\n']])).toBe(NOT_NAMES)
  })
})
