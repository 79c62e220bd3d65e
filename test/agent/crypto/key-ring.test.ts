import { inspect } from 'node:util'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseKeyRing } from '../../../agent/crypto/key-ring.ts'
import { keysText, ringOf, testKey } from './support/keys.ts'

const A = testKey('a')
const B = testKey('b')

describe('a key ring', () => {
  it('is read from YAML and from JSON', () => {
    const yaml = `# kept well\ncurrent: a\nkeys:\n  a: ${A}\n  b: "${B}"\n`
    for (const text of [yaml, `{ current: a, keys: { a: ${A}, b: ${B} } }`, keysText('a', 'b')]) {
      const ring = parseKeyRing(text)
      expect(ring.current.id).toBe('a')
      expect(ring.ids).toEqual(['a', 'b'])
      expect(ring.get('b')?.secret.export().toString('base64')).toBe(B)
      expect(ring.get('c')).toBeUndefined()
    }
  })

  it('takes ids that YAML has other types for as they are written', () => {
    for (const id of ['7', '007', '1.50', '2026-11-29', 'true', 'null', '0x10']) {
      expect(parseKeyRing(`current: ${id}\nkeys:\n  ${id}: ${A}\n`).current.id).toBe(id)
    }
  })

  it('takes Base64url, too', () => {
    const bytes = Buffer.alloc(32, 0xfb)
    bytes[0] = 1
    const ring = parseKeyRing(`{ current: a, keys: { a: ${bytes.toString('base64url')} } }`)
    expect(ring.current.secret.export()).toEqual(bytes)
  })

  it.each([
    ['', 'not a map with "current" and "keys"'],
    ['[]', 'not a map with "current" and "keys"'],
    ['just a text', 'not a map with "current" and "keys"'],
    [`current: a\nkeys: { a: ${A}`, 'neither YAML nor JSON'],
    [`keys: { a: ${A} }`, '"current" is missing, or not the id of a key'],
    [`current: [a]\nkeys: { a: ${A} }`, '"current" is missing, or not the id of a key'],
    ['current: a', '"keys" is missing, or not a map of ids and keys'],
    [`current: a\nkeys: [${A}]`, '"keys" is missing, or not a map of ids and keys'],
    [`current: b\nkeys: { a: ${A} }`, '"current" names none of the keys'],
    ['current: a\nkeys: {}', '"current" names none of the keys'],
    [`current: a\ncurrent: a\nkeys: { a: ${A} }`, 'has a member twice'],
    [`current: a\nkeys: { a: ${A}, a: ${B} }`, 'has a member twice'],
    [`current: a\nkeys: { a: ${A} }\nold: ${B}`, 'has a member that is neither "current" nor "keys"'],
    [`current: a\nkeys: { a: ${A}, "${B}": b }`, 'the id of a key is not 1 to 32 letters'],
    [`current: a\nkeys: { a: ${A}, .b: ${B} }`, 'the id of a key is not 1 to 32 letters'],
    [`current: a\nkeys: { a: ${A}, b: }`, 'key b is not 32 bytes in Base64'],
    [`current: a\nkeys: { a: ${A}, b: [${B}] }`, 'key b is not 32 bytes in Base64'],
    [`current: a\nkeys: { a: ${A}, b: ${B.slice(4)} }`, 'key b is not 32 bytes in Base64'],
    [`current: a\nkeys: { a: ${A}, b: ${B.slice(0, -1)}! }`, 'key b is not 32 bytes in Base64'],
    [`current: a\nkeys: { a: ${A}, b: ${Buffer.alloc(32).toString('base64')} }`, 'key b is a placeholder'],
    [`current: a\nkeys: { a: ${A}, b: ${A} }`, 'keys a and b are the same'],
  ])('refuses %j', (text, message) => {
    expect(() => parseKeyRing(text)).toThrow(message)
  })

  it('says nothing of keys, whatever is wrong with the text around them', () => {
    const good = `current: a\nkeys:\n  a: ${A}\n  b: ${B}\n`
    fc.assert(
      fc.property(
        fc.nat(good.length - 1),
        fc.constantFrom('', '\n', ':', '"', '{', '*', '\0', '=', ' b: '),
        (at, put) => {
          const text = good.slice(0, at) + put + good.slice(at + 1)
          try {
            parseKeyRing(text)
          } catch (error) {
            for (const key of [A, B]) {
              for (let i = 0; i + 8 <= key.length; i++)
                expect((error as Error).message).not.toContain(key.slice(i, i + 8))
            }
          }
        },
      ),
      { numRuns: 1000 },
    )
  })

  it('is printed without its keys', () => {
    const ring = ringOf('a', 'b')
    const printed = [inspect(ring, { depth: 9, showHidden: true }), JSON.stringify(ring), JSON.stringify(ring.current)]
    for (const text of printed) {
      expect(text).not.toContain(A)
      expect(text).not.toContain('a-0123456789')
    }
  })
})
