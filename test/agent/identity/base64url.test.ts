import { isUtf8 } from 'node:buffer'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  canonicalBytes,
  canonicalText,
  decodedSignature,
  holdsForeignLetters,
  isCanonicalSignature,
} from '../../../agent/identity/base64url.ts'

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

/** The same by rule: characters of the alphabet, and the bits of the last one that no byte needs are zero. */
function isOnlySpelling(segment: string): boolean {
  return /^(?:[\w-]{4})*(?:[\w-]{4}|[\w-][AQgw]|[\w-]{2}[AEIMQUYcgkosw048])$/.test(segment)
}

const letter = fc.constantFrom(...ALPHABET.split(''))
const odd = fc.oneof(
  fc.constantFrom(...'+/= \n\t\r\f.!~\0\x7f\x80\xff'.split(''), '\u0141', '\u20ac', '\ud800'),
  letter,
)
const segments = fc.oneof(
  fc.array(letter, { maxLength: 9 }),
  fc.array(odd, { maxLength: 9 }),
  // Valid for the most part, and long enough for the decoder's quick path.
  fc
    .tuple(fc.array(letter, { minLength: 30, maxLength: 200 }), fc.array(fc.tuple(fc.nat(), odd), { maxLength: 2 }))
    .map(([letters, changes]) => {
      for (const [at, character] of changes) letters.splice(at % letters.length, at % 2, character)
      return letters
    }),
  fc.uint8Array({ maxLength: 100 }).map((bytes) => Buffer.from(bytes).toString('base64url').split('')),
)

describe('canonicalBytes', () => {
  it('takes exactly the segments of the right length, of the alphabet, without spare bits', () => {
    fc.assert(
      fc.property(segments, (characters) => {
        const segment = characters.join('')
        const bytes = canonicalBytes(segment)
        expect(bytes !== undefined).toBe(isOnlySpelling(segment))
        if (bytes !== undefined) expect(bytes).toEqual(Buffer.from(segment, 'base64url'))
      }),
      { numRuns: 20_000 },
    )
  })

  it('takes one last character in sixteen after 4n+2 characters, one in four after 4n+3, none after 4n+1', () => {
    const taken = (start: string): number => ALPHABET.split('').filter((last) => canonicalBytes(start + last)).length
    expect([taken('AAA'), taken('AA'), taken('A'), taken(''), taken('AAAA')]).toEqual([64, 16, 4, 0, 0])
  })

  it.each(['\u0141\u0141\u0141\u0141', 'QUJD\u0141\u0142\u0143\u0144', 'AAA\u0141'])(
    'refuses %j, which Node decodes by its low bytes',
    (segment) => {
      expect(Buffer.from(segment, 'base64url').length).toBe((segment.length * 3) / 4)
      expect(canonicalBytes(segment)).toBeUndefined()
    },
  )
})

describe('canonicalText', () => {
  it('gives what the bytes say, and nothing for bytes that are no UTF-8', () => {
    const some = fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc.string({ unit: 'binary' }).map((text) => new Uint8Array(Buffer.from(text))),
      fc.constantFrom('\ufffd', 'a\ufffdb', '\ufeffa').map((text) => new Uint8Array(Buffer.from(text))),
    )
    fc.assert(
      fc.property(some, (bytes) => {
        const text = canonicalText(Buffer.from(bytes).toString('base64url'))
        expect(text).toBe(bytes.length > 0 && isUtf8(bytes) ? Buffer.from(bytes).toString('utf8') : undefined)
      }),
      { numRuns: 2000 },
    )
  })

  it('refuses what canonicalBytes refuses, where no foreign letter is in it', () => {
    fc.assert(
      fc.property(segments, (characters) => {
        const segment = characters.join('')
        if (holdsForeignLetters(segment)) return
        const bytes = canonicalBytes(segment)
        expect(canonicalText(segment)).toBe(bytes !== undefined && isUtf8(bytes) ? bytes.toString() : undefined)
      }),
      { numRuns: 5000 },
    )
  })

  it('reads a segment longer than its desk', () => {
    const text = 'ü'.repeat(10_000)
    expect(canonicalText(Buffer.from(text).toString('base64url'))).toBe(text)
  })
})

describe('a signature', () => {
  it('is refused where canonicalBytes refuses it, and else is its bytes, whatever came before', () => {
    fc.assert(
      fc.property(fc.array(segments, { maxLength: 6 }), (several) => {
        for (const characters of several) {
          const text = characters.join('')
          if (holdsForeignLetters(text)) continue
          const bytes = canonicalBytes(text)
          expect(isCanonicalSignature(text)).toBe(bytes !== undefined)
          expect(decodedSignature(text)).toEqual(Buffer.from(text, 'base64url'))
        }
      }),
      { numRuns: 2000 },
    )
  })

  it('is the same when it is asked for again, and another one when another was', () => {
    expect([decodedSignature('AAAA'), decodedSignature('AAAA')].map((bytes) => bytes.toString('hex'))).toEqual([
      '000000',
      '000000',
    ])
    expect(decodedSignature('____').toString('hex')).toBe('ffffff')
    expect(decodedSignature('AAAA').toString('hex')).toBe('000000')
  })

  it('may be longer than its desk', () => {
    const text = Buffer.alloc(9000, 7).toString('base64url')
    expect(isCanonicalSignature(text)).toBe(true)
    expect(decodedSignature(text)).toEqual(Buffer.alloc(9000, 7))
    expect(isCanonicalSignature(`${text.slice(0, -1)}=`)).toBe(false)
  })
})
