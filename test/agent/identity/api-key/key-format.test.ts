import { describe, expect, it } from 'vitest'
import { formatKey, keyFormat, newKeyId } from '../../../../agent/identity/api-key/key-format.ts'

const isOurs = keyFormat('ht')

describe('the form of an API key', () => {
  it('is prefix, id, 43 digits of base 62 and a checksum of 6', () => {
    expect(formatKey('ht', 'billing')).toMatch(/^ht_billing_[0-9A-Za-z]{43}_[0-9A-Za-z]{6}$/)
  })

  it('never changes: keys that were given out stay valid', () => {
    expect(formatKey('ht', 'a', new Uint8Array(32))).toBe(`ht_a_${'0'.repeat(43)}_0KI09e`)
    expect(formatKey('ht', 'a', new Uint8Array(32).fill(255))).toBe(
      'ht_a_yhjskwdA6OZ1AL1YmHWZWm8LLG7HjnuCA2j5rOw8Xp1_3PY3iY',
    )
  })

  it('is recognised, and every key is another one', () => {
    const keys = Array.from({ length: 200 }, () => formatKey('ht', newKeyId()))
    expect(keys.every(isOurs)).toBe(true)
    expect(new Set(keys).size).toBe(200)
  })

  it('takes a prefix with underscores', () => {
    const key = formatKey('acme_live', 'x')
    expect(keyFormat('acme_live')(key)).toBe(true)
    expect(isOurs(key)).toBe(false)
  })

  it('tells a key that was cut off, changed in one character, or continued', () => {
    const key = formatKey('ht', 'billing-1')
    for (let length = 0; length < key.length; length++) expect(isOurs(key.slice(0, length))).toBe(false)
    for (let i = 0; i < key.length; i++) {
      const other = key[i] === 'x' ? 'y' : 'x'
      expect(isOurs(key.slice(0, i) + other + key.slice(i + 1))).toBe(false)
    }
    for (const more of [' ', '\n', 'x', '_']) expect(isOurs(key + more)).toBe(false)
  })

  it.each(['', 'ht', 'ht_', 'ht___', 'HT_a_b_c', 'eyJ.a.b', '\u0000', '🙂'])('is not %j', (text) => {
    expect(isOurs(text)).toBe(false)
  })
})
