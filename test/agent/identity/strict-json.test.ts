import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { withPlainKeys } from '../../../agent/identity/json-scan.ts'
import { decodeStrictObject, parseStrictObject } from '../../../agent/identity/strict-json.ts'

const DEPTH = 6

/** What parseStrictObject is to say, without its short cut. */
function byTheBook(text: string): unknown {
  const plain = withPlainKeys(text, DEPTH)
  if (plain === undefined || !isJson(plain)) return undefined
  const value: unknown = JSON.parse(plain)
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined
}

// JSON texts written by hand, so to speak: keys that repeat, also in another spelling, colons and quotes inside strings,
// white space wherever JSON allows it, nesting around the limit.
const space = fc.oneof(
  { weight: 6, arbitrary: fc.constant('') },
  { weight: 1, arbitrary: fc.constantFrom(' ', '\t', '\n', '\r', ' \n ') },
)
const character = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom('a', 'b', 'l') },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      ':',
      ' :',
      '\\":',
      '\\"',
      '\\\\',
      '{',
      '}',
      '[',
      ',',
      'ü',
      '\\u0061',
      '\\u006c',
      '\\/',
      '"',
      '\\',
    ),
  },
)
const string = fc.oneof(
  { weight: 1, arbitrary: fc.constantFrom('"__proto__"', '"constructor"', '"1"', '""') },
  { weight: 4, arbitrary: fc.array(character, { maxLength: 3 }).map((parts) => `"${parts.join('')}"`) },
)
const scalar = fc.oneof(string, fc.constantFrom('1', '1.0', '1e2', '-0', 'true', 'null', '01', 'nul'))
const { text: json } = fc.letrec<{ text: string; value: string; object: string; list: string }>((tie) => ({
  text: fc
    .tuple(space, tie('object'), space, fc.constantFrom('', '', '', '', ' ', 'x', ','))
    .map((parts) => parts.join('')),
  value: fc.oneof({ depthSize: 'small', withCrossShrink: true }, scalar, tie('object'), tie('list')),
  object: fc
    .array(
      fc.tuple(space, string, space, fc.constant(':'), space, tie('value'), space).map((parts) => parts.join('')),
      { maxLength: 4 },
    )
    .map((members) => `{${members.join(',')}}`),
  list: fc
    .array(
      fc.tuple(space, tie('value'), space).map((parts) => parts.join('')),
      { maxLength: 3 },
    )
    .map((items) => `[${items.join(',')}]`),
}))

describe('parseStrictObject', () => {
  it('judges every text as JSON.parse and the scan of all characters do together', () => {
    const seen = { accepted: 0, duplicates: 0, broken: 0 }
    fc.assert(
      fc.property(json, (text) => {
        const wanted = byTheBook(text)
        expect(parseStrictObject(text, DEPTH)).toEqual(wanted)
        if (wanted !== undefined) seen.accepted++
        else if (isJson(text)) seen.duplicates++
        else seen.broken++
      }),
      { numRuns: 5000 },
    )
    // Else the texts above would prove nothing.
    expect(Math.min(...Object.values(seen))).toBeGreaterThan(100)
  })

  it('finds a key named twice at any depth, however it is written and whatever stands in the strings around it', () => {
    const spelling = (key: string): fc.Arbitrary<string> =>
      fc.array(fc.boolean(), { minLength: key.length, maxLength: key.length }).map(
        (escaped) =>
          `"${key
            .split('')
            .map((one, i) => (escaped[i] === true ? `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}` : one))
            .join('')}"`,
      )
    const keys = fc
      .constantFrom('alg', 'iss', '__proto__', 'a:b')
      .chain((key) => fc.tuple(spelling(key), spelling(key)))
    fc.assert(
      fc.property(
        keys,
        scalar.filter(isJson),
        scalar.filter(isJson),
        space,
        fc.nat(DEPTH - 1),
        ([one, two], a, b, gap, depth) => {
          const inner = `{${one}${gap}:${a},"x":${b},${two}${gap}:${gap}${a}}`
          const text = `${'{"in":'.repeat(depth)}${inner}${'}'.repeat(depth)}`
          expect(parseStrictObject(text, DEPTH)).toBeUndefined()
        },
      ),
      { numRuns: 2000 },
    )
  })

  it.each([
    // As many members as colons behind quotes, if colons inside strings made up for those of a key named twice.
    [String.raw`{"a":1,"a":2}`, false],
    [String.raw`{"a" :1,"a":2}`, false],
    ['{"a"\n:1,"a"\t:2}', false],
    [String.raw`{"a":{"b":1},"a":{}}`, false],
    [String.raw`{"a":"\":","b":1}`, true],
    [String.raw`{"a":" :","b":"x:y"}`, true],
    [String.raw`{"a":"\":","a":1}`, false],
    ['{"a":[[[[[[1]]]]]]}', false],
    ['{"a":[[[[[1]]]]]}', true],
    ['{"a":[[[[[[[1]]]]]]],"a":1}', false],
    ['\ufeff{"a":1}', false],
    ['[{"a":1}]', false],
    ['{}', true],
  ])('judges %j', (text, accepted) => {
    expect(parseStrictObject(text, DEPTH) !== undefined).toBe(accepted)
  })

  it('reads an escaped key as what it means, whatever texts of other people were read before', () => {
    // V8 takes it for the key of the first text: what an unsigned token says would take roles from another's.
    for (const text of [String.raw`{"iss":"a","https:\\/\\/r":1}`, String.raw`{"iss":"a","\\":1}`]) {
      expect(parseStrictObject(text, DEPTH)).toBeUndefined()
      JSON.parse(text)
    }
    expect(parseStrictObject(String.raw`{"iss":"a","https:\/\/roles":["x"]}`, DEPTH)).toEqual({
      iss: 'a',
      'https://roles': ['x'],
    })
    expect(parseStrictObject(String.raw`{"iss":"a","\u006c":1}`, DEPTH)).toEqual({ iss: 'a', l: 1 })
  })

  it('refuses bytes that are no UTF-8', () => {
    expect(decodeStrictObject(Buffer.from('{"a":"ü"}'), DEPTH)).toEqual({ a: 'ü' })
    expect(decodeStrictObject(Buffer.from('{"a":"ü"}', 'latin1'), DEPTH)).toBeUndefined()
  })
})

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
