import fc from 'fast-check'
import { expect, it } from 'vitest'
import { alternativeNames, commonNames, distinguishedName } from '../../../../agent/identity/certificate/names.ts'

it.each([
  ['DNS:a, ', 'a separator with nothing behind it'],
  ['DNS:a,URI:b', 'a separator without its space'],
  ['DNS:a, b', 'an entry without a kind'],
  ['URI:"a', 'a quote that is not closed'],
  ['URI:"a"b', 'text behind a quote'],
  ['URI:"\\x"', 'an escape that JSON does not know'],
  ['URI:a"b', 'a quote in a bare value'],
  [', DNS:a', 'a separator in front'],
])('%s is not taken apart: %s', (text) => {
  expect(alternativeNames(text)).toBeUndefined()
})

it('a certificate without alternative names has none', () => {
  expect(alternativeNames(undefined)).toEqual({ uri: [], dns: [], email: [] })
})

it('random text never throws', () => {
  const piece = fc.constantFrom(
    'DNS:',
    'URI:',
    'othername:',
    '"',
    '\\',
    ', ',
    ',',
    ' + ',
    '\n',
    'CN=',
    '\\0',
    'a',
    '"x"',
  )
  fc.assert(
    fc.property(fc.array(fc.oneof(piece, fc.string())), (pieces) => {
      const text = pieces.join('')
      alternativeNames(text)
      distinguishedName(text)
      commonNames(text)
    }),
  )
})

it('a name of many parts is read in time linear in its length', () => {
  expect(alternativeNames(Array.from({ length: 20_000 }, () => 'DNS:a').join(', '))?.dns).toHaveLength(20_000)
  expect(alternativeNames(`URI:"${'\\'.repeat(200_001)}`)).toBeUndefined()
})
