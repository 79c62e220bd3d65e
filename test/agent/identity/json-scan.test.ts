import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { withPlainKeys } from '../../../agent/identity/json-scan.ts'

describe('withPlainKeys', () => {
  it('leaves every JSON text as it is whose keys need no escapes, however spaced, and refuses the others', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6 }), fc.constantFrom(0, 2), (value, space) => {
        const text = JSON.stringify(value, null, space)
        expect(withPlainKeys(text, 16)).toBe(needsEscapes(value) ? undefined : text)
      }),
    )
  })

  it('writes keys without their escapes, and changes nothing else', () => {
    const text = String.raw`{"\u0061" :"\u0061","x":{"https:\/\/e":[{"\u00fc":"\\"}]}}`
    expect(withPlainKeys(text, 16)).toBe(String.raw`{"a" :"\u0061","x":{"https://e":[{"ü":"\\"}]}}`)
  })

  it('finds a key that any object of the text repeats', () => {
    fc.assert(
      fc.property(fc.string(), fc.jsonValue(), fc.nat(5), (key, value, depth) => {
        const member = `${JSON.stringify(key)}:${JSON.stringify(value)}`
        const text = `${'{"a":['.repeat(depth)}{${member},"${key.length}-other":1,${member}}${']}'.repeat(depth)}`
        expect(withPlainKeys(text, 32)).toBeUndefined()
      }),
    )
  })

  it.each([
    ['{"alg":1,"alg":2}', false],
    [String.raw`{"alg":1,"\u0061lg":2}`, false],
    [String.raw`{"a\"":1}`, false], // nobody has such keys, and they cannot be written without an escape
    [String.raw`{"a\\":1}`, false],
    [String.raw`{"a\n":1}`, false],
    [String.raw`{"\ud800":1}`, false],
    [String.raw`{"\x":1}`, false],
    ['{"a":{"b":1},"b":1}', true],
    ['{"a":[{"b":1},{"b":1}]}', true],
    ['{"a":"b","b":"a"}', true],
    ['["a","a"]', true],
    ['{"a":1', true], // not JSON, which is not for this scan to say
    ['{"a', false],
  ])('judges %s', (text, plain) => {
    expect(withPlainKeys(text, 16)).toBe(plain ? text : undefined)
  })

  it('allows the depth it is given and no more', () => {
    expect(withPlainKeys('['.repeat(16) + ']'.repeat(16), 16)).toBeDefined()
    expect(withPlainKeys('['.repeat(17) + ']'.repeat(17), 16)).toBeUndefined()
    expect(withPlainKeys('{"a":'.repeat(100_000), 16)).toBeUndefined()
  })
})

/** Whether a key of the value holds what JSON cannot write without a backslash. */
function needsEscapes(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  return Object.entries(value).some(([key, member]) => JSON.stringify(key).includes('\\') || needsEscapes(member))
}
