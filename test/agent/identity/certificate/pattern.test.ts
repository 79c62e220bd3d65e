import fc from 'fast-check'
import { expect, it } from 'vitest'
import { compilePattern } from '../../../../agent/identity/certificate/pattern.ts'

it.each([
  ['spiffe://td/a', 'spiffe://td/a', true],
  ['spiffe://td/a', 'spiffe://td/ab', false],
  ['spiffe://td/*', 'spiffe://td/a', true],
  ['spiffe://td/*', 'spiffe://td/', true],
  ['spiffe://td/*', 'spiffe://td/a/b', false],
  ['spiffe://td/**', 'spiffe://td/a/b', true],
  ['spiffe://td/**', 'spiffe://td', false],
  ['spiffe://td/*/sa/*', 'spiffe://td/ns/sa/x', true],
  ['spiffe://td/**/sa/*', 'spiffe://td/a/b/sa/x', true],
  ['spiffe://td/a*c', 'spiffe://td/abc', true],
  ['spiffe://td/a*c', 'spiffe://td/abd', false],
  ['spiffe://td/a?c', 'spiffe://td/abc', false],
  ['spiffe://td/.', 'spiffe://td/x', false],
  ['**', '', true],
  ['', '', true],
  ['***', 'a/b', true],
])('%s against %s: %s', (pattern, name, expected) => {
  expect(compilePattern(pattern, '/')(name)).toBe(expected)
})

it('the separator is what ends a part of this kind of name', () => {
  expect(compilePattern('*.example.org', '.')('a.example.org')).toBe(true)
  expect(compilePattern('*.example.org', '.')('a.b.example.org')).toBe(false)
  expect(compilePattern('*', '')('a/b.c')).toBe(true)
})

it('says the same as a regular expression', () => {
  const letters = fc.array(fc.constantFrom('a', 'b', '/', '*'), { maxLength: 8 }).map((all) => all.join(''))
  const names = fc.array(fc.constantFrom('a', 'b', '/'), { maxLength: 8 }).map((all) => all.join(''))
  fc.assert(
    fc.property(letters, names, (pattern, name) => {
      const source = pattern.replaceAll(/\*\*+|\*/g, (stars) => (stars === '*' ? '[^/]*' : '.*'))
      expect(compilePattern(pattern, '/')(name)).toBe(new RegExp(`^${source}$`).test(name))
    }),
    { numRuns: 2000 },
  )
})

it('takes no longer for many stars', () => {
  expect(compilePattern('*a'.repeat(400), '/')('a'.repeat(1000))).toBe(true)
  expect(compilePattern('**a'.repeat(400), '/')(`${'a'.repeat(1000)}b`)).toBe(false)
})
