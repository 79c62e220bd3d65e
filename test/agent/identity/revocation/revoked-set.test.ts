import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Identity } from '../../../../agent/identity/identity.ts'
import { parseEntry, type RevocationInput } from '../../../../agent/identity/revocation/entry.ts'
import { RevokedSet } from '../../../../agent/identity/revocation/revoked-set.ts'
import { DIGEST, identity, LATER, NOW_S } from './support.ts'

const NOW = NOW_S * 1000
const setOf = (...inputs: RevocationInput[]) => {
  const set = new RevokedSet()
  for (const input of inputs) set.add(parseEntry(input))
  return set
}
const until = LATER

describe('a set of revocations', () => {
  it.each<[string, RevocationInput, Partial<Identity>]>([
    ['id', { jti: 'jti-1', until }, { credentialId: 'other' }],
    ['subject', { subject: 'ann', until }, { subject: 'bob' }],
    ['session', { session: 'sid-1', until }, { session: '' }],
    ['digest', { token: DIGEST, until }, { digest: 'other' }],
    ['subject of a provider', { subject: 'ann', provider: 'okta', until }, { provider: 'entra' }],
    ['subject of an issuer', { subject: 'ann', issuer: 'https://okta.example', until }, { issuer: 'https://else' }],
    ['subject before a time', { subject: 'ann', issuedBefore: NOW_S, until }, { issuedAt: NOW_S }],
    ['provider before a time', { provider: 'okta', issuedBefore: NOW_S, until }, { issuedAt: NOW_S + 1 }],
    [
      'issuer before a time',
      { issuer: 'https://okta.example', issuedBefore: NOW_S, until },
      { issuer: 'https://else' },
    ],
    [
      'provider and issuer before a time',
      { provider: 'okta', issuer: 'https://okta.example', issuedBefore: NOW_S, until },
      { issuer: 'https://else' },
    ],
  ])('revokes by %s, and nothing else', (_, input, different) => {
    const set = setOf(input)
    expect(set.has(identity(), NOW)).toBe(true)
    expect(set.has(identity(different), NOW)).toBe(false)
  })

  it('revokes a certificate, and the tokens that are bound to it', () => {
    const set = setOf({ certificate: 'c'.repeat(43), until })
    expect(set.has(identity({ method: 'certificate', digest: 'c'.repeat(43) }), NOW)).toBe(true)
    expect(set.has(identity({ confirmation: { x5t: 'c'.repeat(43) } }), NOW)).toBe(true)
    expect(set.has(identity({ confirmation: { x5t: 'd'.repeat(43) } }), NOW)).toBe(false)
  })

  it('takes a credential that does not tell when it was issued for an old one', () => {
    expect(setOf({ subject: 'ann', issuedBefore: NOW_S, until }).has(identity({ issuedAt: undefined }), NOW)).toBe(true)
  })

  it('takes a name that is absent for no name', () => {
    const nameless = identity({ credentialId: '', session: '' })
    expect(setOf({ jti: 'a', until }, { session: 's', until }).has(nameless, NOW)).toBe(false)
  })

  it('forgets an entry when it is over, and sweeps it out', () => {
    const set = setOf({ jti: 'jti-1', until }, { jti: 'jti-1', provider: 'okta', until: 'never' }, { jti: 'b', until })
    expect(set.size).toBe(3)
    expect(set.has(identity({ provider: 'entra' }), LATER * 1000 - 1)).toBe(true)
    expect(set.has(identity({ provider: 'entra' }), LATER * 1000)).toBe(false)
    expect([...set.sweep(LATER * 1000)]).toHaveLength(2)
    expect(set.size).toBe(1)
    expect(set.has(identity(), LATER * 1000)).toBe(true)
  })

  it('keeps one entry of several that say the same, the one that says most', () => {
    const set = new RevokedSet()
    for (let i = 0; i < 100; i++) set.add(parseEntry({ subject: 'ann', issuedBefore: NOW_S + i, until: LATER + i }))
    set.add(parseEntry({ subject: 'ann', issuedBefore: NOW_S, until: LATER }))
    expect(set.size).toBe(1)
    expect(set.has(identity({ issuedAt: NOW_S + 98 }), NOW)).toBe(true)
  })

  it('takes an entry back, and only that', () => {
    const set = setOf({ jti: 'jti-1', until }, { jti: 'jti-1', provider: 'entra', until }, { subject: 'ann', until })
    expect(set.remove(parseEntry({ jti: 'jti-1', until: 'never' }))).toBe(true)
    expect(set.remove(parseEntry({ jti: 'jti-1', until: 'never' }))).toBe(false)
    expect(set.remove(parseEntry({ jti: 'absent', until: 'never' }))).toBe(false)
    expect(set.has(identity({ subject: 'bob', provider: 'entra' }), NOW)).toBe(true)
    expect(set.has(identity({ subject: 'bob' }), NOW)).toBe(false)
    expect(set.size).toBe(2)
  })

  it('says what a list that is searched from end to end says', () => {
    const few = (prefix: string) => fc.constantFrom(`${prefix}1`, `${prefix}2`)
    const scope = {
      provider: fc.option(few('p'), { nil: undefined }),
      issuer: fc.option(few('i'), { nil: undefined }),
      until: fc.integer({ min: NOW_S - 2, max: NOW_S + 2 }),
    }
    const input = fc.oneof(
      fc.record({ ...scope, jti: few('j') }),
      fc.record({ ...scope, session: few('s') }),
      fc.record({
        ...scope,
        subject: few('u'),
        issuedBefore: fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined }),
      }),
      fc.record({ ...scope, provider: few('p'), issuedBefore: fc.integer({ min: 1, max: 4 }) }),
    )
    const caller = fc.record({
      provider: few('p'),
      issuer: few('i'),
      subject: few('u'),
      session: few('s'),
      credentialId: few('j'),
      issuedAt: fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined }),
    })
    fc.assert(
      fc.property(fc.array(input, { maxLength: 12 }), caller, (inputs, known) => {
        const who = identity(known)
        const expected = inputs.some(
          (entry) =>
            entry.until > NOW_S &&
            (entry.provider === undefined || entry.provider === who.provider) &&
            (entry.issuer === undefined || entry.issuer === who.issuer) &&
            (!('jti' in entry) || entry.jti === who.credentialId) &&
            (!('session' in entry) || entry.session === who.session) &&
            (!('subject' in entry) || entry.subject === who.subject) &&
            (!('issuedBefore' in entry) ||
              entry.issuedBefore === undefined ||
              who.issuedAt === undefined ||
              who.issuedAt < entry.issuedBefore),
        )
        return setOf(...(inputs as RevocationInput[])).has(who, NOW) === expected
      }),
      { numRuns: 2000 },
    )
  })
})
