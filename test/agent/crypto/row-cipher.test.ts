import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CipherError } from '../../../agent/crypto/cipher-error.ts'
import { RowCipher } from '../../../agent/crypto/row-cipher.ts'
import { ringOf } from './support/keys.ts'
import { problemOf } from './support/problem.ts'

const rows = new RowCipher({ current: ringOf('a', 'b') })

/** Text of any kind that UTF-8 can say. */
const texts = fc.string({ unit: 'grapheme', maxLength: 400 })

describe('sealed rows', () => {
  it('open to what was sealed, for the row they were sealed for', () => {
    fc.assert(
      fc.property(texts, texts, (text, row) => {
        expect(rows.open(rows.seal(text, row), row)).toBe(text)
      }),
    )
  })

  it('open in another process, and after a restart', () => {
    const later = new RowCipher({ current: ringOf('b', 'a') })
    for (let i = 0; i < 100; i++) {
      const earlier = new RowCipher({ current: ringOf('a') })
      expect(later.open(earlier.seal(`text ${i}`, 'row'), 'row')).toBe(`text ${i}`)
    }
  })

  it('as SQLite gives them back, which is no Buffer, open, too', () => {
    const sealed = rows.seal('text', 'row')
    const inside = new Uint8Array(sealed.length + 7)
    inside.set(sealed, 5)
    expect(rows.open(inside.subarray(5, 5 + sealed.length), 'row')).toBe('text')
    expect(rows.open(Uint8Array.from(sealed), 'row')).toBe('text')
  })

  it('do not open for another row', () => {
    fc.assert(
      fc.property(texts, texts, (row, other) => {
        fc.pre(row !== other)
        const sealed = rows.seal('text', row)
        expect(problemOf(() => rows.open(sealed, other))).toBe('tampered')
      }),
    )
  })

  it('are refused when any byte was changed', () => {
    const sealed = Buffer.from(rows.seal('{"amount":10}', 'row/1'))
    fc.assert(
      fc.property(fc.nat(sealed.length - 1), fc.integer({ min: 1, max: 255 }), (at, mask) => {
        const changed = Buffer.from(sealed)
        changed[at] = (changed[at] ?? 0) ^ mask
        expect(problemOf(() => rows.open(changed, 'row/1'))).toBeDefined()
      }),
      { numRuns: 2000 },
    )
  })

  it('are refused when a part is gone or another was added', () => {
    const sealed = Buffer.from(rows.seal('{"amount":10}', 'row/1'))
    for (let length = 0; length < sealed.length; length++) {
      expect(problemOf(() => rows.open(sealed.subarray(0, length), 'row/1'))).toBeDefined()
    }
    expect(problemOf(() => rows.open(Buffer.concat([sealed, Buffer.of(0)]), 'row/1'))).toBe('tampered')
  })

  it('may be any bytes: each is refused in the same way', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (bytes, versioned) => {
        const row = versioned ? Uint8Array.from([1, 1, 0x61, ...bytes]) : bytes
        expect(problemOf(() => rows.open(row, 'row'))).toBeDefined()
      }),
      { numRuns: 2000 },
    )
  })

  it('show nothing of their text, and never the same twice', () => {
    const seals = Array.from({ length: 2000 }, () => Buffer.from(rows.seal('canary-51d0', 'row')))
    expect(seals.some((sealed) => sealed.includes('canary'))).toBe(false)
    expect(new Set(seals.map((sealed) => sealed.toString('hex'))).size).toBe(seals.length)
  })

  it('are 38 bytes longer than their text and the id of the key', () => {
    expect(rows.seal('', 'row')).toHaveLength(38 + 'a'.length)
  })
})

describe('salts', () => {
  /** Salt and counter of a row of the key "a". */
  const head = (sealed: Uint8Array): [string, number] => {
    const bytes = Buffer.from(sealed)
    return [bytes.toString('hex', 3, 19), bytes.readUInt32BE(19)]
  }

  it('are used with each count once', () => {
    const few = new RowCipher({ current: ringOf('a') }, { sealsPerSalt: 3 })
    const sealed = Array.from({ length: 7 }, (_, i) => few.seal(`text ${i}`, 'row'))
    const heads = sealed.map(head)
    expect(heads.map(([, count]) => count)).toEqual([0, 1, 2, 0, 1, 2, 0])
    expect(new Set(heads.map(([salt]) => salt)).size).toBe(3)
    expect(sealed.map((row) => few.open(row, 'row'))).toEqual(sealed.map((_, i) => `text ${i}`))
  })

  it('stay when the file of keys was only read again, and go with the key', () => {
    const keys = { current: ringOf('a') }
    const cipher = new RowCipher(keys)
    const first = head(cipher.seal('', 'row'))
    keys.current = ringOf('a', 'b')
    expect(head(cipher.seal('', 'row'))).toEqual([first[0], 1])
    keys.current = ringOf('b', 'a')
    const [salt, count] = head(cipher.seal('', 'row'))
    expect([salt === first[0], count]).toEqual([false, 0])
  })
})

describe('keys of rows', () => {
  it('that are gone are told of by name, and what was known of them is forgotten', () => {
    const keys = { current: ringOf('a') }
    const cipher = new RowCipher(keys)
    const sealed = cipher.seal('text', 'row')
    expect(cipher.open(sealed, 'row')).toBe('text')
    keys.current = ringOf('b')
    expect(() => cipher.open(sealed, 'row')).toThrow(new CipherError('unknown_key', 'a'))
    keys.current = ringOf('b', 'a')
    expect(cipher.open(sealed, 'row')).toBe('text')
  })

  it('that are not there yet refuse both ways', () => {
    const none = new RowCipher({ current: undefined })
    expect(problemOf(() => none.seal('text', 'row'))).toBe('keys_unavailable')
    expect(problemOf(() => none.open(rows.seal('text', 'row'), 'row'))).toBe('keys_unavailable')
  })
})
