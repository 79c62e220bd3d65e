import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { boundedKey, MAX_KEY, ownCopy } from '../../../agent/limits/bounded-key.ts'
import { heldBytes } from './support.ts'

describe('boundedKey', () => {
  it('leaves keys of up to 128 characters as they are', () => {
    expect(boundedKey('')).toBe('')
    expect(boundedKey('é'.repeat(MAX_KEY))).toBe('é'.repeat(MAX_KEY))
  })

  it('makes 129 characters of longer ones, different for different keys, and never what a short key can be', () => {
    const long = [129, 130, 5000].flatMap((length) => ['a', 'b'].map((end) => 'x'.repeat(length - 1) + end))
    const bounded = long.map(boundedKey)
    expect(new Set(bounded).size).toBe(long.length)
    expect(new Set(bounded.map(({ length }) => length))).toEqual(new Set([MAX_KEY + 1]))
  })
})

describe('ownCopy', () => {
  it('gives an equal text, whatever characters it has', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.string({ unit: 'binary' }), fc.constant('\ud800x')), (text) => {
        expect(ownCopy(text)).toBe(text)
      }),
    )
  })

  it('does not hold on to the text that the key is a part of', () => {
    const held: string[] = []
    const copied: string[] = []
    expect(heldBytes((part) => held.push(part))).toBeGreaterThan(15_000_000)
    expect(heldBytes((part) => copied.push(ownCopy(part)))).toBeLessThan(5_000_000)
    expect(copied).toEqual(held)
  })
})
