import { describe, expect, it } from 'vitest'
import { judgeClaims } from '../../../agent/identity/claims.ts'
import type { ProviderConfig } from '../../../agent/identity/config.ts'
import { MAX_NAMES } from '../../../agent/identity/identity.ts'
import type { JsonObject } from '../../../agent/identity/plain-json.ts'
import { provider } from './support/provider.ts'

const ISSUER = 'https://idp.example'
const NOW = 1_800_000_000
const GOOD = { iss: ISSUER, sub: 'user-1', aud: 'orders-api', exp: NOW + 300, iat: NOW }

function judge(claims: object, overrides: Partial<ProviderConfig> = {}, typ?: string) {
  const payload = JSON.parse(JSON.stringify({ ...GOOD, ...claims })) as JsonObject
  return judgeClaims({ typ, payload }, 'digest', provider(ISSUER, overrides), NOW)
}

/** As {@link judge}, with one claim written as JSON text, for numbers that JSON.stringify cannot write. */
function judgeText(member: string) {
  const { exp: _exp, ...rest } = GOOD
  const payload = JSON.parse(`${JSON.stringify(rest).slice(0, -1)},${member}}`) as JsonObject
  return judgeClaims({ typ: undefined, payload }, 'digest', provider(ISSUER), NOW)
}

describe('dates', () => {
  it.each([
    ['exp a string', '"exp":"1900000000"', 'claim_invalid'],
    ['exp negative', '"exp":-1', 'claim_invalid'],
    ['exp 1e400', '"exp":1e400', 'claim_invalid'],
    ['exp null', '"exp":null', 'claim_invalid'],
    ['exp 2^53', '"exp":9007199254740992', 'claim_invalid'],
    ['exp just over 2^40', '"exp":1099511627777', 'claim_invalid'],
    ['exp true', '"exp":true', 'claim_invalid'],
    ['no exp', '"x":1', 'claim_missing'],
    ['nbf a string', `"exp":${NOW + 9},"nbf":"x"`, 'claim_invalid'],
  ])('%s is refused', (_what, member, reason) => {
    expect(judgeText(member)).toBe(reason)
  })

  it('accepts a fraction of a second (RFC 7519 NumericDate)', () => {
    expect(judge({ exp: NOW + 0.5 })).toMatchObject({ expiresAt: NOW + 0.5 })
  })

  it.each([
    ['exp exactly the skew ago', { exp: NOW - 60 }, 'expired'],
    ['nbf a second beyond the skew', { nbf: NOW + 61 }, 'not_yet_valid'],
    ['iat a second beyond the skew', { iat: NOW + 61 }, 'issued_in_future'],
  ])('%s is refused', (_what, claims, reason) => {
    expect(judge(claims)).toBe(reason)
  })

  it.each([
    ['exp almost the skew ago', { exp: NOW - 59 }],
    ['nbf at the skew', { nbf: NOW + 60 }],
    ['iat at the skew', { iat: NOW + 60 }],
  ])('%s is accepted', (_what, claims) => {
    expect(judge(claims)).toMatchObject({ subject: 'user-1' })
  })

  it('bounds the lifetime where the provider says so, and then needs iat', () => {
    expect(judge({}, { maxLifetimeS: 300 })).toMatchObject({ subject: 'user-1' })
    expect(judge({}, { maxLifetimeS: 299 })).toBe('lifetime_too_long')
    expect(judge({ iat: undefined }, { maxLifetimeS: 300 })).toBe('claim_missing')
  })
})

describe('issuer, audience and type', () => {
  it.each([`${ISSUER}/`, 'https://IDP.example', 'https://idp.exаmple'])('issuer %s is another issuer', (iss) => {
    expect(judge({ iss })).toBe('unknown_issuer')
  })

  it('accepts an array of audiences that contains ours', () => {
    expect(judge({ aud: ['other', 'orders-api'] })).toMatchObject({ subject: 'user-1' })
  })

  it.each([
    ['orders', 'audience_mismatch'],
    ['orders-api-2', 'audience_mismatch'],
    ['', 'audience_mismatch'],
    [[], 'audience_mismatch'],
    [['orders'], 'audience_mismatch'],
    [['orders-api-2'], 'audience_mismatch'],
    [['ORDERS-API'], 'audience_mismatch'],
    [['orders-api', 1], 'claim_invalid'],
    [{ 'orders-api': true }, 'claim_invalid'],
    [undefined, 'claim_missing'],
  ])('audience %j is refused', (aud, reason) => {
    expect(judge({ aud })).toBe(reason)
  })

  it.each([undefined, 'JWT', 'jwt', 'at+jwt', 'application/at+jwt'])(
    'typ %s is an access token where the provider says nothing',
    (typ) => {
      expect(judge({}, {}, typ)).toMatchObject({ subject: 'user-1' })
    },
  )

  it.each(['dpop+jwt', 'logout+jwt', 'secevent+jwt', ''])('typ %j is none', (typ) => {
    expect(judge({}, {}, typ)).toBe('typ_mismatch')
  })

  it('demands the configured typ, and its presence', () => {
    expect(judge({}, { typ: ['at+jwt'] }, 'application/AT+JWT')).toMatchObject({ subject: 'user-1' })
    expect(judge({}, { typ: ['at+jwt'] }, 'JWT')).toBe('typ_mismatch')
    expect(judge({}, { typ: ['at+jwt'] })).toBe('typ_mismatch')
  })

  it.each([{ nonce: 'n' }, { at_hash: 'h' }, { c_hash: 'h' }, { token_use: 'id' }])(
    'refuses the ID token %j',
    (claims) => {
      expect(judge(claims)).toBe('typ_mismatch')
    },
  )
})

describe('binding (RFC 7800)', () => {
  const [jkt, x5t] = [
    '0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I',
    'bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2'.slice(0, 42) + 'A',
  ]

  it.each([
    ['none', undefined, undefined],
    ['a DPoP key', { jkt }, { jkt }],
    ['a certificate', { 'x5t#S256': x5t }, { x5t }],
    ['both', { jkt, 'x5t#S256': x5t }, { jkt, x5t }],
  ])('%s is handed on to be proven', (_what, cnf, confirmation) => {
    const identity = judge({ cnf })
    if (typeof identity === 'string') throw new Error(identity)
    expect(identity.confirmation).toEqual(confirmation)
  })

  it.each([
    ['no object', 'abc', 'binding_missing'],
    ['null', null, 'binding_missing'],
    ['a list', [{ jkt }], 'binding_missing'],
    ['empty', {}, 'binding_missing'],
    ['bound in another way', { jwk: { kty: 'EC' } }, 'binding_missing'],
    ['bound in a known and in another way', { jkt, kid: 'a' }, 'binding_missing'],
    ['a thumbprint too short', { jkt: jkt.slice(1) }, 'claim_invalid'],
    ['a thumbprint too long', { jkt: `${jkt}A` }, 'claim_invalid'],
    ['a thumbprint of other characters', { jkt: `+${jkt.slice(1)}` }, 'claim_invalid'],
    ['a thumbprint with spare bits', { 'x5t#S256': `${x5t.slice(0, 42)}B` }, 'claim_invalid'],
    ['a thumbprint that is no text', { 'x5t#S256': 1 }, 'claim_invalid'],
    ['one good, one broken', { jkt, 'x5t#S256': '' }, 'claim_invalid'],
  ])('%s is refused', (_what, cnf, reason) => {
    expect(judge({ cnf })).toBe(reason)
  })

  it('is demanded where the provider says so', () => {
    expect(judge({}, { binding: 'required' })).toBe('binding_missing')
    expect(judge({ cnf: { jkt } }, { binding: 'required' })).toMatchObject({ confirmation: { jkt } })
  })
})

describe('what becomes a variable', () => {
  it.each([
    ['missing', undefined, 'claim_missing'],
    ['empty', '', 'claim_missing'],
    ['a number', 7, 'claim_invalid'],
    ['with CR LF', 'a\r\nX-Admin: 1', 'claim_invalid'],
    ['with DEL', 'a\x7f', 'claim_invalid'],
    ['with NUL', 'a\0', 'claim_invalid'],
    ['of 1025 bytes', 'a'.repeat(1025), 'claim_invalid'],
    ['of 1025 bytes in fewer characters', 'é'.repeat(513), 'claim_invalid'],
    ['with a lone surrogate', 'a\ud800', 'claim_invalid'],
  ])('a subject %s is refused', (_what, sub, reason) => {
    expect(judge({ sub })).toBe(reason)
  })

  it('takes the subject from the configured path', () => {
    expect(
      judge({ 'https://x/': { id: 'arn' } }, { claims: { subject: ['https://x/', 'id'], tenant: [], roles: [] } }),
    ).toMatchObject({ subject: 'arn' })
  })

  it.each([
    [undefined, ''],
    [null, ''],
    ['acme', 'acme'],
    [42, '42'],
  ])('tenant %j reads %j', (tenant, text) => {
    expect(judge({ tenant })).toMatchObject({ tenant: text })
  })

  it.each([true, ['acme'], { a: 1 }, 1.5, 'a\n', 'a'.repeat(257)])('tenant %j is refused', (tenant) => {
    expect(judge({ tenant })).toBe('claim_invalid')
  })

  it.each([
    [undefined, []],
    [null, []],
    [
      ['buyer', 'admin', 'buyer', ''],
      ['buyer', 'admin'],
    ],
    ['assistant to the admin', ['assistant to the admin']],
  ])('roles %j read %j', (roles, list) => {
    expect(judge({ roles })).toMatchObject({ roles: list })
  })

  it.each([7, { a: 1 }, [1], [['a']], ['a\r'], [' admin'], ['a'.repeat(257)]])('roles %j are refused', (roles) => {
    expect(judge({ roles })).toBe('claim_invalid')
  })

  it.each(['roles', 'scope'])(
    'cuts no list of %s, for a rule may deny by the last of them: too long a one is refused',
    (claim) => {
      const list = Array.from({ length: MAX_NAMES + 1 }, (_, i) => `name-${i}`)
      const most = list.slice(1)
      expect(judge({ [claim]: most })).toMatchObject({ [claim === 'scope' ? 'scopes' : claim]: most })
      expect(judge({ [claim]: list })).toBe('claim_invalid')
      // Twice the same is once.
      expect(judge({ [claim]: [...most, most[0]] })).toMatchObject({ subject: 'user-1' })
    },
  )

  it('counts the roles that a roleMap leaves, not the groups that are none here', () => {
    const roles = Array.from({ length: MAX_NAMES + 1 }, (_, i) => `group-${i}`)
    expect(judge({ roles }, { roleMap: { [`group-${MAX_NAMES}`]: ['admin'] } })).toMatchObject({ roles: ['admin'] })
  })

  it.each([{ scope: 'a b' }, { scope: ['a', 'b'] }, { scp: ['a', 'b'] }, { scp: 'a b' }, { scope: 'a', scp: ['b'] }])(
    'reads the scopes of %j alike',
    (claims) => {
      expect(judge(claims)).toMatchObject({ scopes: ['a', 'b'] })
    },
  )

  it('gives claims that nobody can change', () => {
    const identity = judge({ roles: ['a'], deep: { list: [{}] } })
    if (typeof identity === 'string') throw new Error(identity)
    expect([identity.claims, identity.claims['deep']].every(Object.isFrozen)).toBe(true)
  })
})
