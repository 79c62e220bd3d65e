import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hasUniqueKeys } from '../../../agent/identity/json-scan.ts'

describe('hasUniqueKeys', () => {
  it('accepts every JSON text that JSON.stringify writes, however spaced', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6 }), fc.constantFrom(0, 2), (value, space) => {
        expect(hasUniqueKeys(JSON.stringify(value, null, space), 16)).toBe(true)
      }),
    )
  })

  it('finds a key that any object of the text repeats', () => {
    fc.assert(
      fc.property(fc.string(), fc.jsonValue(), fc.nat(5), (key, value, depth) => {
        const member = `${JSON.stringify(key)}:${JSON.stringify(value)}`
        const text = `${'{"a":['.repeat(depth)}{${member},"${key.length}-other":1,${member}}${']}'.repeat(depth)}`
        expect(hasUniqueKeys(text, 32)).toBe(false)
      }),
    )
  })

  it.each([
    ['{"alg":1,"alg":2}', false],
    [String.raw`{"alg":1,"\u0061lg":2}`, false],
    [String.raw`{"a\"":1,"a\"":2}`, false],
    [String.raw`{"a\\":1,"a\"":2}`, true],
    ['{"a":{"b":1},"b":1}', true],
    ['{"a":[{"b":1},{"b":1}]}', true],
    ['{"a":"b","b":"a"}', true],
    ['["a","a"]', true],
    ['{"a":1', true], // not JSON, which is not for this scan to say
    ['{"a', false],
  ])('judges %s', (text, unique) => {
    expect(hasUniqueKeys(text, 16)).toBe(unique)
  })

  it('allows the depth it is given and no more', () => {
    expect(hasUniqueKeys('['.repeat(16) + ']'.repeat(16), 16)).toBe(true)
    expect(hasUniqueKeys('['.repeat(17) + ']'.repeat(17), 16)).toBe(false)
    expect(hasUniqueKeys('{"a":'.repeat(100_000), 16)).toBe(false)
  })
})
