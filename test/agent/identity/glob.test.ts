import fc from 'fast-check'
import { expect, it } from 'vitest'
import { fitsGlob } from '../../../agent/identity/glob.ts'

it.each([
  ['acme/shop', 'acme/shop', true],
  ['acme/shop', 'acme/shops', false],
  ['acme/*', 'acme/', true],
  ['acme/*', 'acme/shop', true],
  ['acme/*', 'acme-evil/shop', false],
  ['*/shop', 'acme/shop', true],
  ['*/shop', 'acme/shop/x', false],
  ['a*b*c', 'abc', true],
  ['a*b*c', 'a-b-b-c', true],
  ['a*b*c', 'acb', false],
  ['ab*ba', 'aba', false],
  ['*', '', true],
  ['**', 'x', true],
  ['', '', true],
  ['', 'x', false],
  ['a.c', 'abc', false],
  ['a?c', 'abc', false],
  ['[a-z]', 'a', false],
])('pattern %j on %j is %s', (pattern, text, fits) => {
  expect(fitsGlob(text, pattern)).toBe(fits)
})

it('agrees with a regular expression', () => {
  const letters = fc.string({ unit: fc.constantFrom('a', 'b', '.', '\n'), maxLength: 12 })
  const patterns = fc.string({ unit: fc.constantFrom('a', 'b', '.', '*'), maxLength: 8 })
  fc.assert(
    fc.property(letters, patterns, (text, pattern) => {
      const source = pattern
        .split('*')
        .map((piece) => piece.replaceAll('.', String.raw`\.`))
        .join('.*')
      expect(fitsGlob(text, pattern)).toBe(new RegExp(`^${source}$`, 's').test(text))
    }),
    { numRuns: 2000 },
  )
})

it('does not go back: a pattern that ties regular expressions in knots costs one pass', () => {
  expect(fitsGlob('a'.repeat(100_000), `${'a*'.repeat(50)}b`)).toBe(false)
})
