import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeStrict } from '../../../../agent/identity/webhook/encoding.ts'

/** As strings of a request are: a character for each byte. */
const anyBytes = fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes).toString('latin1'))

describe.each(['hex', 'base64', 'base64url'] as const)('strict %s', (encoding) => {
  it('has one text for each value', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 70 }), (bytes) => {
        const text = Buffer.from(bytes).toString(encoding)
        expect(decodeStrict(text, encoding)?.equals(bytes)).toBe(true)
        expect(decodeStrict(text, encoding, bytes.length + 1)).toBeUndefined()
        for (const other of [`${text} `, ` ${text}`, `${text}=`, `${text}\n`, `${text}!`]) {
          expect(decodeStrict(other, encoding)).toBeUndefined()
        }
      }),
    )
  })

  it('reads any text without throwing, and writes it again as it was', () => {
    fc.assert(
      fc.property(anyBytes, (text) => {
        const bytes = decodeStrict(text, encoding)
        if (bytes !== undefined) expect(bytes.toString(encoding)).toBe(text)
      }),
    )
  })
})

it.each([
  ['hex', 'AB'],
  ['hex', 'abc'],
  ['hex', ''],
  ['base64', 'AB=='],
  ['base64', 'AA'],
  ['base64', 'A-=='],
  ['base64url', 'AA=='],
  ['base64url', 'AB'],
] as const)('%s: %j is none', (encoding, text) => {
  expect(decodeStrict(text, encoding)).toBeUndefined()
})
