import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { identityOf } from '../../../agent/identity/identity.ts'
import { actorPseudonym, createRateLimitKey, pseudonym, PseudonymKey } from '../../../agent/identity/pseudonym.ts'
import { Secret } from '../../../agent/secrets/secret.ts'

const keyOf = (text: string, id = 'k1') => new PseudonymKey(id, { current: new Secret(text) })
const PEPPER = 'a pepper of some length'
const identity = (provider: string, subject: string) =>
  identityOf({ provider, method: 'jwt', issuer: 'https://idp', subject, digest: 'd' })

describe('a pseudonym', () => {
  it('is the id of the key, a dot and 22 characters, always the same for the same key', () => {
    const first = pseudonym(keyOf(PEPPER, 'k2'), 'actor', 'okta', 'ann@example.com')
    expect(first).toMatch(/^k2\.[A-Za-z0-9_-]{22}$/)
    expect(pseudonym(keyOf(PEPPER, 'k2'), 'actor', 'okta', 'ann@example.com')).toBe(first)
    // Computed once with another HMAC implementation: search attributes of years depend on it.
    expect(actorPseudonym(keyOf(PEPPER, 'k2'), 'okta', 'ann@example.com')).toBe('k2.XNGecl06dCYjff3raWrvfQ')
  })

  it('differs by key, by kind, by authority and by subject', () => {
    const key = keyOf(PEPPER)
    const all = [
      pseudonym(key, 'actor', 'okta', 'ann'),
      pseudonym(keyOf('another pepper of some length'), 'actor', 'okta', 'ann'),
      pseudonym(key, 'url', 'okta', 'ann'),
      pseudonym(key, 'actor', 'entra', 'ann'),
      pseudonym(key, 'actor', 'okta', 'bob'),
    ]
    expect(new Set(all).size).toBe(all.length)
  })

  it('is never shared by two triples that concatenate alike', () => {
    const key = keyOf(PEPPER)
    const part = fc.string({ maxLength: 6, unit: fc.constantFrom('a', '1', ':', '2') })
    fc.assert(
      fc.property(fc.tuple(part, part, part), fc.tuple(part, part, part), (a, b) => {
        fc.pre(JSON.stringify(a) !== JSON.stringify(b))
        return pseudonym(key, ...a) !== pseudonym(key, ...b)
      }),
    )
  })

  it('is not made without a key, nor with one that could be guessed', () => {
    expect(pseudonym(new PseudonymKey('k1', { current: undefined }), 'actor', 'okta', 'ann')).toBeUndefined()
    expect(pseudonym(keyOf('short'), 'actor', 'okta', 'ann')).toBeUndefined()
  })
})

describe('the rate limit key', () => {
  it('has 22 characters and names the caller, not the credential', () => {
    const rateLimitKey = createRateLimitKey(keyOf(PEPPER))
    const first = rateLimitKey(identity('okta', 'ann'))
    expect(first).toMatch(/^[A-Za-z0-9_-]{22}$/)
    expect(rateLimitKey(identity('okta', 'ann'))).toBe(first)
    expect(rateLimitKey(identity('entra', 'ann'))).not.toBe(first)
    expect(rateLimitKey(identity('okta', 'bob'))).not.toBe(first)
  })

  it('is equal on two agents that share the key, and on no two with keys of their own', () => {
    const caller = identity('okta', 'ann')
    expect(createRateLimitKey(keyOf(PEPPER))(caller)).toBe(createRateLimitKey(keyOf(PEPPER))(caller))
    expect(createRateLimitKey(PseudonymKey.random())(caller)).not.toBe(
      createRateLimitKey(PseudonymKey.random())(caller),
    )
  })

  it('follows a secret that changes, also for identities it has seen, and waits for one that is not there', () => {
    const material: { current: Secret | undefined } = { current: undefined }
    const rateLimitKey = createRateLimitKey(new PseudonymKey('k1', material))
    const caller = identity('okta', 'ann')
    expect(rateLimitKey(caller)).toBeUndefined()
    material.current = new Secret(PEPPER)
    const first = rateLimitKey(caller)
    expect(first).toBe(createRateLimitKey(keyOf(PEPPER))(caller))
    material.current = new Secret('another pepper of some length')
    expect(rateLimitKey(caller)).not.toBe(first)
  })
})
