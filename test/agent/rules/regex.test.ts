import { RE2JS } from 're2js'
import { describe, expect, it } from 'vitest'
import {
  compileRegex,
  type LinearRegex,
  MAX_INPUT,
  MAX_PATTERN,
  MAX_PROGRAM,
  MAX_STEPS,
} from '../../../agent/rules/regex.ts'

function regex(pattern: string): LinearRegex {
  const compiled = compileRegex(pattern)
  if (typeof compiled === 'string') throw new Error(compiled)
  return compiled
}

it('searches as the pattern is written: ^ and $ anchor it, nothing else does', () => {
  expect(regex('b').test('abc')).toBe(true)
  expect(regex('^b').test('abc')).toBe(false)
  expect(regex('^/v[0-9]+$').test('/v1/x')).toBe(false)
  expect(regex('^$').test('')).toBe(true)
  expect(regex('(?i)^ABC$').test('aBc')).toBe(true)
  // `$` is the end of the text, not the end of a line.
  expect(regex('^a$').test('a\nb')).toBe(false)
  expect(regex('^a$').test('a\n')).toBe(false)
})

it('captures by name, in both spellings', () => {
  const compiled = regex('^/(?P<kind>[a-z]+)/(?<id>[0-9]+)(?:/(?P<rest>.*))?$')
  expect(compiled.names).toEqual(['kind', 'id', 'rest'])
  const into: Record<string, string> = { other: 'kept' }
  expect(compiled.capture('/orders/7', into)).toBe(true)
  expect(into).toEqual({ kind: 'orders', id: '7', rest: '', other: 'kept' })
  expect(compiled.capture('/items/8/a/b', into)).toBe(true)
  expect(into).toEqual({ kind: 'items', id: '8', rest: 'a/b', other: 'kept' })
  expect(compiled.capture('/items', into)).toBe(false)
  expect(into).toEqual({ kind: 'items', id: '8', rest: 'a/b', other: 'kept' })
  expect(regex('a').names).toEqual([])
})

it('is compiled once a pattern', () => {
  expect(compileRegex('^once$')).toBe(compileRegex('^once$'))
})

it.each([
  ['(', 'missing closing )'],
  ['a**', 'invalid nested repetition operator'],
  ['(?<=a)b', 'invalid'],
  ['(?=a)', 'invalid or unsupported Perl syntax'],
  ['(a)\\1', 'invalid escape sequence'],
  ['(?P<a>x)(?P<a>y)', 'duplicate capture group name'],
  ['a{1001}', 'invalid repeat count'],
  ['(?:a{100}){9}', `900 instructions`.slice(4)],
  ['x'.repeat(MAX_PATTERN + 1), `${MAX_PATTERN} are the most`],
])('a pattern that cannot be had says why: %s', (pattern, message) => {
  expect(compileRegex(pattern)).toContain(message)
})

describe('running time', () => {
  const random = Array.from({ length: MAX_INPUT }, (_, i) => (Math.imul(i + 1, 2654435761) & 65_536 ? 'a' : 'b')).join(
    '',
  )

  // A backtracking engine takes longer than the universe has for the first ones: that they return at all is the test.
  it.each([
    ['(a+)+$', `${'a'.repeat(MAX_INPUT - 1)}!`],
    ['^(a|aa)+$', `${'a'.repeat(MAX_INPUT - 1)}!`],
    ['^(([a-z])+.)+[A-Z]([a-z])+$', 'a'.repeat(MAX_INPUT)],
    ['(x+x+)+y', 'x'.repeat(MAX_INPUT)],
    ['^(.*)(.*)(.*)(.*)(.*)(.*)[^a]$', 'a'.repeat(MAX_INPUT)],
    ['(a|b|ab)*[cd]', random],
    ['[ab]*a[ab]{20}[cd]', random],
    ['^(?:a?){15}a{15}$', 'a'.repeat(15)],
    [String.raw`^(\w+\s?)*$`, `${'word '.repeat(1600)}!`],
  ])('of %s on a hostile text is bounded', (pattern, text) => {
    expect(regex(pattern).test(text)).toBe(pattern.startsWith('^(?:a?)'))
  })

  it('of captures on a hostile text is bounded', () => {
    const text = `${'a'.repeat(4000)}!`
    expect(regex('^(?P<x>(?:a+)+)$').capture(text, {})).toBe(false)
    const into: Record<string, string> = {}
    expect(regex('^(?P<x>(?:a|aa)+)!').capture(text, into)).toBe(true)
    expect(into['x']).toHaveLength(4000)
  })

  it('is bounded by instructions times characters, on short and on long patterns', () => {
    expect(() => regex('a').test('b'.repeat(MAX_INPUT))).not.toThrow()
    expect(() => regex('a').test('b'.repeat(MAX_INPUT + 1))).toThrow(`${MAX_INPUT} at most`)
    const long = regex('^[ab]{1,200}$')
    expect(long.size).toBeLessThanOrEqual(MAX_PROGRAM)
    const most = Math.floor(MAX_STEPS / long.size)
    expect(most).toBeLessThan(MAX_INPUT)
    expect(long.test('a'.repeat(most))).toBe(false)
    expect(() => long.test('a'.repeat(most + 1))).toThrow(RangeError)
    expect(() => long.capture('a'.repeat(Math.floor(most / 2) + 1), {})).toThrow(RangeError)
  })

  it('is that of the library, whose size of a program does not depend on the text', () => {
    expect(regex('[a-z]{1,63}').size).toBe(RE2JS.compile('[a-z]{1,63}').programSize())
  })
})
