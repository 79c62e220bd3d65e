import { createPublicKey } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { parseKeySet } from '../../../agent/identity/key-set.ts'
import { testKey } from './support/tokens.ts'

/** A key without a kid, as it is published. */
const published = () => createPublicKey(testKey('ES256').privateKey).export({ format: 'jwk' })

describe('a key set that names a key twice without a kid', () => {
  const [one, other] = [published(), published()]

  it('tries it once, so that it does not keep the others from being tried', async () => {
    const { set, refused } = await parseKeySet({ keys: [one, one, one, other] }, 100)
    expect(set.candidates(undefined, 'ES256')).toHaveLength(2)
    expect(refused).toEqual(['keys[1]: it stands there twice', 'keys[2]: it stands there twice'])
  })

  it('is not equal to one that has another key in the place of the second', async () => {
    const [before, after] = await Promise.all([
      parseKeySet({ keys: [one, other] }, 100),
      parseKeySet({ keys: [one, one] }, 100),
    ])
    expect(after.set.equals(before.set)).toBe(false)
    expect(before.set.equals(after.set)).toBe(false)
  })
})
