import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { names, NOT_NAMES } from '../../../agent/identity/claim-values.ts'

describe('names', () => {
  it('are each told once, in the order of their first mention, at most as many as asked for', () => {
    const name = fc.oneof(
      fc.constantFrom('a', 'b', 'constructor', '__proto__', ''),
      fc.nat(60).map((i) => `role-${i}`),
    )
    fc.assert(
      fc.property(fc.array(name, { maxLength: 80 }), fc.array(name, { maxLength: 80 }), fc.nat(50), (one, two, max) => {
        const wanted = [...new Set([...one, ...two].filter((each) => each !== ''))].slice(0, max)
        expect(names([one, two], max)).toEqual(wanted)
        expect(names([one.join(' '), two.join('  ')], max, ' ')).toEqual(wanted)
      }),
    )
  })

  it('are not cut off before the last is looked at', () => {
    expect(names([['a', 'b', '\n']], 1)).toBe(NOT_NAMES)
  })
})
