import fc from 'fast-check'
import { expect, it } from 'vitest'
import { queryParameters } from '../../../agent/rules/query.ts'

it.each([
  ['', {}],
  ['&&', {}],
  ['a', { a: '' }],
  ['a=', { a: '' }],
  ['=b', { '': 'b' }],
  ['a=b=c', { a: 'b=c' }],
  ['a=1&&b=2&', { a: '1', b: '2' }],
  ['a%3Db=%26', { 'a=b': '&' }],
  ['a+b=c+d', { 'a b': 'c d' }],
  ['a=%2B', { a: '+' }],
  ['a=%', { a: '%' }],
  ['a=%zz%4', { a: '%zz%4' }],
  ['a=%C3%BC', { a: '\u00fc' }],
  // The bytes of the request come as latin1.
  ['a=\u00c3\u00bc', { a: '\u00fc' }],
  // What is no UTF-8 stays latin1.
  ['a=%FF', { a: '\u00ff' }],
  ['a=1&a=1', { a: '1' }],
  ['a=1&a=2', { a: null }],
  ['a=1&a=2&a=1', { a: null }],
  ['a=1&%61=2', { a: null }],
  // Some servers end a parameter at a semicolon too.
  ['x;debug=1', { 'x;debug': '1', x: null, debug: null }],
  ['x=1;debug=1', { x: null, debug: null }],
  ['debug=1;x', { debug: null, x: null }],
  ['debug=1;', { debug: null }],
  ['x=1;d%65bug=1', { x: null, debug: null }],
  ['debug=1&x=1;debug=1', { debug: null, x: null }],
  ['x=1;debug=1&debug=1', { x: null, debug: null }],
  // An escaped one ends nothing anywhere.
  ['x=1%3Bdebug=1', { x: '1;debug=1' }],
  ['a=1&debug=1', { a: '1', debug: '1' }],
  ['__proto__=1&constructor=2', { ['__proto__']: '1', constructor: '2' }],
])('%j holds %j', (query, expected) => {
  expect([...queryParameters(query)]).toEqual(Object.entries(expected))
})

it('reads what URLSearchParams writes', () => {
  const text = fc.string({ unit: 'grapheme' })
  fc.assert(
    fc.property(fc.uniqueArray(fc.tuple(text, text), { selector: ([name]) => name, maxLength: 8 }), (pairs) => {
      expect([...queryParameters(new URLSearchParams(pairs).toString())]).toEqual(pairs)
    }),
  )
})

it('gives up on a thousand and one parameters', () => {
  expect(queryParameters('a&'.repeat(1000)).size).toBe(1)
  expect(() => queryParameters('a&'.repeat(1001))).toThrow(RangeError)
})
