import { randomUUID } from 'node:crypto'
import fc from 'fast-check'
import { calculateJwkThumbprint, generateProof } from './reference.ts'
import { describe, expect, it } from 'vitest'
import type { Evidence } from '../../../../agent/identity/evidence.ts'
import { thumbprintOf } from '../../../../agent/identity/jwk.ts'
import { b64, rawToken, signBytes, testKey, type TestKey } from '../support/tokens.ts'
import { boundTo, callerOf, NOW_S, type ProofChanges, proofOf, publicJwk, requestWith, verifierOf } from './support.ts'

const key = testKey('ES256')
const bound = boundTo(key)

const judge = (proof: string | undefined, changes: Partial<Evidence> = {}, count = 1): string =>
  verifierOf().verify(bound, requestWith(proof, changes, count)) ?? 'proven'

describe('RFC 9449', () => {
  // The request of section 7.1, figure 12, with its token and key.
  const token = 'Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU'
  const proof = [
    'eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0Rs',
    'cEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2',
    'In19.eyJqdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIjoiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJjZS5leGFtcGxlLm9yZy9wcm90',
    'ZWN0ZWRyZXNvdXJjZSIsImlhdCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0RaNTNFc05yV0JiMHhXWG9hTnk1OUlpS0NBcWtzbVFF',
    'byJ9.2oW9RP35yRqzhrtNP86L-Ey71EOptxRimPPToA1plemAgR6pxHF8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA',
  ].join('')
  const caller = callerOf({ jkt: '0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I' }, token)
  const request = requestWith(proof, {
    host: 'resource.example.org',
    path: '/protectedresource',
    authorization: `DPoP ${token}`,
  })

  it('the example request of section 7.1 is proven, once', () => {
    const verifier = verifierOf({ now: () => 1_562_262_618_000 })
    expect(verifier.verify(caller, request)).toBeUndefined()
    expect(verifier.verify(caller, { ...request, requestId: 'another' })).toBe('dpop_replayed')
  })

  it('and not five minutes later', () => {
    expect(verifierOf({ now: () => 1_562_262_918_001 }).verify(caller, request)).toBe('dpop_invalid')
  })
})

it.each(['ES256', 'RS256', 'RS512', 'PS256', 'PS512', 'EdDSA', 'Ed25519'])('takes proofs of %s', (alg) => {
  const own = testKey(alg)
  expect(verifierOf().verify(boundTo(own), requestWith(proofOf(own)))).toBeUndefined()
})

it('takes proofs that jose made', async () => {
  const { proof, jkt } = await generateProof({ htm: 'GET', htu: 'https://api.example.com/orders', iat: NOW_S })
  expect(verifierOf().verify(callerOf({ jkt }), requestWith(proof))).toBeUndefined()
})

it.each(['ES256', 'RS256', 'EdDSA'])('the thumbprint of an %s key is the one that jose computes', async (alg) => {
  const jwk = publicJwk(testKey(alg))
  expect(thumbprintOf(jwk)).toBe(await calculateJwkThumbprint(jwk))
})

describe('the field', () => {
  it('is missing', () => {
    expect(judge(undefined)).toBe('dpop_missing')
    expect(judge('')).toBe('dpop_missing')
  })

  it('is there twice', () => {
    expect(judge(proofOf(key), {}, 2)).toBe('dpop_invalid')
  })

  it('holds two proofs', () => {
    expect(judge(`${proofOf(key)}, ${proofOf(key)}`)).toBe('dpop_invalid')
  })

  it('is too long', () => {
    expect(judge(proofOf(key, { claims: { more: 'x'.repeat(8192) } }))).toBe('dpop_invalid')
  })
})

describe('the form', () => {
  const wrong: [string, ProofChanges][] = [
    ['no typ', { header: { typ: undefined } }],
    ['the typ of an access token', { header: { typ: 'at+jwt' } }],
    ['the typ JWT', { header: { typ: 'JWT' } }],
    ['no alg', { header: { alg: undefined } }],
    ['alg none', { header: { alg: 'none' } }],
    ['a symmetric alg', { header: { alg: 'HS256' } }],
    ['the alg of another type of key', { header: { alg: 'RS256' } }],
    ['another alg in the key', { header: { jwk: { ...publicJwk(key), alg: 'ES384' } } }],
    ['no key', { header: { jwk: undefined } }],
    ['a key that is no object', { header: { jwk: 'x' } }],
    ['a key without a member', { header: { jwk: { ...publicJwk(key), y: undefined } } }],
    ['a symmetric key', { header: { jwk: { kty: 'oct', k: 'AAAA' } } }],
    ['a key with its private half', { header: { jwk: key.privateKey.export({ format: 'jwk' }) } }],
    ['a key for encryption', { header: { jwk: { ...publicJwk(key), use: 'enc' } } }],
    ['crit', { header: { crit: ['exp'] } }],
    ['b64', { header: { b64: true } }],
    ['zip', { header: { zip: 'DEF' } }],
    ['jku', { header: { jku: 'https://evil.example/keys' } }],
    ['x5c', { header: { x5c: [] } }],
    ['no jti', { claims: { jti: undefined } }],
    ['an empty jti', { claims: { jti: '' } }],
    ['a jti that is a number', { claims: { jti: 1 } }],
    ['a jti of 257 characters', { claims: { jti: 'x'.repeat(257) } }],
    ['no htm', { claims: { htm: undefined } }],
    ['no htu', { claims: { htu: undefined } }],
    ['no iat', { claims: { iat: undefined } }],
    ['an iat that is a text', { claims: { iat: String(NOW_S) } }],
    ['no ath', { claims: { ath: undefined } }],
    ['the ath of another token', { claims: { ath: b64('another token, as it were, of 32') } }],
    ['an ath that is a list', { claims: { ath: [] } }],
    ['a nonce that is a number', { claims: { nonce: 1 } }],
    ['an exp that has passed', { claims: { exp: NOW_S } }],
    ['an nbf far ahead', { claims: { nbf: NOW_S + 301 } }],
    ['an nbf that is a text', { claims: { nbf: 'soon' } }],
  ]
  it.each(wrong)('refuses %s', (_what, changes) => {
    expect(judge(proofOf(key, changes))).toBe('dpop_invalid')
  })

  it('takes the media type in full and in any case', () => {
    expect(judge(proofOf(key, { header: { typ: 'application/DPoP+jwt' } }))).toBe('proven')
  })

  it('takes claims and parameters that it does not know', () => {
    expect(judge(proofOf(key, { header: { kid: 'x' }, claims: { sub: 'x', exp: NOW_S + 1, nbf: NOW_S } }))).toBe(
      'proven',
    )
  })

  const raw = (header: string, payload: string): string => rawToken(key, header, payload)
  const header = JSON.stringify({ typ: 'dpop+jwt', alg: 'ES256', jwk: publicJwk(key) })
  const [, payloadSegment = ''] = proofOf(key).split('.')
  const payload = Buffer.from(payloadSegment, 'base64url').toString()

  it.each([
    ['a duplicate key', raw(header, payload.replace('{', '{"htm":"POST",'))],
    ['a duplicate key behind an escape', raw(header, payload.replace('{', '{"\\u0068tm":"POST",'))],
    ['an infinite iat', raw(header, payload.replace(`"iat":${NOW_S}`, '"iat":1e400'))],
    ['a payload that is a list', raw(header, '[]')],
    ['a payload that is no JSON', raw(header, '{')],
    ['invalid UTF-8', rawToken(key, header, Buffer.from([0x7b, 0xff, 0x7d]))],
    ['100 000 levels', raw(header, '['.repeat(3000))],
    ['padding', `${proofOf(key)}=`],
    ['white space', ` ${proofOf(key)}`],
    ['four segments', `${proofOf(key)}.x`],
    ['two segments', proofOf(key).split('.').slice(0, 2).join('.')],
    ['spare bits that are set', respelled(proofOf(key))],
  ])('refuses %s', (_what, proof) => {
    expect(judge(proof)).toBe('dpop_invalid')
  })

  it('random text never throws', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(judge(text)).toMatch(/^dpop_(?:missing|invalid)$/)
      }),
    )
    fc.assert(
      fc.property(fc.json(), fc.json(), (one, other) => {
        expect(judge(rawToken(key, one, other))).toBe('dpop_invalid')
      }),
    )
  })

  it('a valid proof with any member replaced by anything never throws', () => {
    const members = fc.constantFrom('jti', 'htm', 'htu', 'iat', 'ath', 'nonce', 'exp', 'nbf')
    fc.assert(
      fc.property(members, fc.jsonValue(), (name, value) => {
        expect(judge(proofOf(key, { claims: { [name]: value } }))).toMatch(/^(?:proven|dpop_invalid)$/)
      }),
    )
    fc.assert(
      fc.property(fc.constantFrom('kty', 'crv', 'x', 'y', 'alg', 'use', 'n', 'e'), fc.jsonValue(), (name, value) => {
        const jwk = { ...publicJwk(key), [name]: value }
        expect(judge(proofOf(key, { header: { jwk } }))).toMatch(/^(?:proven|dpop_invalid)$/)
      }),
    )
  })
})

describe('key and signature', () => {
  it('another key than the one the token is bound to proves nothing', () => {
    expect(judge(proofOf(testKey('ES256')))).toBe('dpop_invalid')
  })

  it('a key that did not sign proves nothing', () => {
    expect(judge(proofOf({ ...testKey('ES256'), jwk: key.jwk }))).toBe('dpop_invalid')
  })

  it('neither does a signature in DER, one of zeros, nor one of the wrong length', () => {
    const [header, payload] = proofOf(key).split('.')
    const input = `${header}.${payload}`
    const good = signBytes('ES256', key.privateKey, input)
    for (const signature of [Buffer.alloc(64), good.subarray(0, 63), Buffer.concat([good, Buffer.alloc(1)])]) {
      expect(judge(`${input}.${b64(signature)}`)).toBe('dpop_invalid')
    }
    expect(judge(`${input}.${b64(good)}`)).toBe('proven')
  })

  it('a changed payload is noticed', () => {
    const [header, , signature] = proofOf(key).split('.')
    const [, other] = proofOf(key).split('.')
    expect(judge(`${header}.${other}.${signature}`)).toBe('dpop_invalid')
  })

  it.each([
    ['P-384', testKey('ES384')],
    ['P-521', testKey('ES512')],
    ['RSA of 4096 bits', testKey('RS256', 'big', 4096)],
    ['RSA of 1024 bits', testKey('RS256', 'small', 1024)],
  ])('slow and weak keys are refused: %s', (_what, own: TestKey) => {
    expect(verifierOf().verify(boundTo(own), requestWith(proofOf(own)))).toBe('dpop_invalid')
  })

  it('a key known from before is vetted again when it comes with more members', () => {
    const verifier = verifierOf()
    expect(verifier.verify(bound, requestWith(proofOf(key)))).toBeUndefined()
    const jwk = key.privateKey.export({ format: 'jwk' })
    expect(verifier.verify(bound, requestWith(proofOf(key, { header: { jwk } })))).toBe('dpop_invalid')
    expect(verifier.verify(bound, requestWith(proofOf(key)))).toBeUndefined()
  })
})

describe('the request', () => {
  it.each(['POST', 'get', 'Get'])('a proof for %s is none for GET', (htm) => {
    expect(judge(proofOf(key, { claims: { htm } }))).toBe('dpop_invalid')
  })

  it.each([
    'https://api.example.com/orders',
    'HTTPS://API.EXAMPLE.COM/orders',
    'https://api.example.com:443/orders',
    'https://api.example.com/%6frders',
    'https://api.example.com/orders?page=2',
    'https://api.example.com/orders#top',
  ])('%s is the URL asked for', (htu) => {
    expect(judge(proofOf(key, { claims: { htu } }), { query: 'page=2' })).toBe('proven')
  })

  it.each([
    'http://api.example.com/orders',
    'https://api.example.com:8443/orders',
    'https://api.example.com/Orders',
    'https://api.example.com/orders/',
    'https://api.example.com/',
    'https://api.example.com',
    'https://evil.example.com/orders',
    'https://api.example.com@evil.example/orders',
    'https://user@api.example.com/orders',
    'https://api.example.com/x/../orders',
    'https://api.example.com/orders%2',
    'https://api.example.com\\orders',
    '/orders',
    '//api.example.com/orders',
    'https:api.example.com/orders',
    ' https://api.example.com/orders',
    '',
  ])('%j is another URL', (htu) => {
    expect(judge(proofOf(key, { claims: { htu } }))).toBe('dpop_invalid')
  })

  it('plain HTTP is another scheme', () => {
    expect(judge(proofOf(key), { tls: false })).toBe('dpop_invalid')
    expect(judge(proofOf(key, { claims: { htu: 'http://api.example.com/orders' } }), { tls: false })).toBe('proven')
  })

  it('a request without a host is not proven', () => {
    expect(judge(proofOf(key, { claims: { htu: 'https:///orders' } }), { host: '' })).toBe('dpop_invalid')
  })

  it('behind another proxy the public URL counts, not what arrives here', () => {
    const verifier = verifierOf({ publicBaseUrl: 'https://www.example.com/api/' })
    const here = { host: '10.0.0.1:8080', tls: false }
    const htu = 'https://www.example.com/api/orders'
    expect(verifier.verify(bound, requestWith(proofOf(key, { claims: { htu } }), here))).toBeUndefined()
    expect(verifier.verify(bound, requestWith(proofOf(key), here))).toBe('dpop_invalid')
  })
})

describe('time and repetition', () => {
  it.each([
    [-300, 'proven'],
    [-301, 'dpop_invalid'],
    [300, 'proven'],
    [301, 'dpop_invalid'],
    [-0.5, 'proven'],
  ])('an iat %d s from now: %s', (offset, expected) => {
    expect(judge(proofOf(key, { claims: { iat: NOW_S + offset } }))).toBe(expected)
  })

  it('the same request is proven however often it is asked about', () => {
    const verifier = verifierOf()
    const request = requestWith(proofOf(key))
    expect(verifier.verify(bound, request)).toBeUndefined()
    expect(verifier.verify(bound, { ...request })).toBeUndefined()
    expect(verifier.counters).toEqual({ remembered: 1, replayed: 0, full: 0, busy: 0 })
  })

  it('maxAge makes the window smaller', () => {
    const verifier = verifierOf({ maxAgeMs: 10_000 })
    const proof = proofOf(key, { claims: { iat: NOW_S - 11 } })
    expect(verifier.verify(bound, requestWith(proof))).toBe('dpop_invalid')
  })

  it('a proof is good for one request, as long as it is young', () => {
    let now = NOW_S * 1000
    const verifier = verifierOf({ now: () => now, monotonicMs: () => now })
    const proof = proofOf(key)
    expect(verifier.verify(bound, requestWith(proof))).toBeUndefined()
    expect(verifier.verify(bound, requestWith(proof))).toBe('dpop_replayed')
    now += 300_000
    expect(verifier.verify(bound, requestWith(proof))).toBe('dpop_replayed')
    now += 1
    expect(verifier.verify(bound, requestWith(proof))).toBe('dpop_invalid')
  })

  it('a proof is not forgotten because the clock was ahead for a while', () => {
    let [now, monotonic] = [NOW_S * 1000, 0]
    const verifier = verifierOf({ now: () => now, monotonicMs: () => monotonic })
    const proof = proofOf(key)
    expect(verifier.verify(bound, requestWith(proof))).toBeUndefined()
    now += 86_400_000
    const ofThatTime = proofOf(key, { claims: { iat: now / 1000 } })
    expect(verifier.verify(bound, requestWith(ofThatTime))).toBeUndefined()
    now -= 86_400_000
    monotonic += 1000
    expect(verifier.verify(bound, requestWith(proof))).toBe('dpop_replayed')
  })

  it('the same jti in another proof of the same key is a replay, in one of another key it is not', () => {
    const verifier = verifierOf()
    const claims = { jti: randomUUID() }
    const other = testKey('ES256')
    expect(verifier.verify(bound, requestWith(proofOf(key, { claims })))).toBeUndefined()
    expect(verifier.verify(bound, requestWith(proofOf(key, { claims: { ...claims, iat: NOW_S + 1 } })))).toBe(
      'dpop_replayed',
    )
    expect(verifier.verify(boundTo(other), requestWith(proofOf(other, { claims })))).toBeUndefined()
  })

  it('what was refused is not remembered', () => {
    const verifier = verifierOf()
    const proof = proofOf(key)
    expect(verifier.verify(bound, requestWith(proof, { method: 'POST' }))).toBe('dpop_invalid')
    expect(verifier.counters).toEqual({ remembered: 0, replayed: 0, full: 0, busy: 0 })
    expect(verifier.verify(bound, requestWith(proof))).toBeUndefined()
    expect(verifier.counters).toEqual({ remembered: 1, replayed: 0, full: 0, busy: 0 })
  })

  it('when no proof can be remembered any more, none is taken', () => {
    const verifier = verifierOf({ replayLimits: { maxEntries: 2, maxPerKey: 1 } })
    const others = [testKey('ES256'), testKey('ES256')] as const
    const ask = (own: TestKey): string => verifier.verify(boundTo(own), requestWith(proofOf(own))) ?? 'proven'
    expect(ask(key)).toBe('proven')
    expect(ask(key)).toBe('rate_limited')
    expect(ask(others[0])).toBe('proven')
    expect(ask(others[1])).toBe('overload')
    expect(verifier.counters).toEqual({ remembered: 2, replayed: 0, full: 1, busy: 1 })
  })
})

describe('nonces', () => {
  it('are asked for where the provider wants them, and then taken', () => {
    const verifier = verifierOf({ nonce: true })
    const nonce = verifier.currentNonce()
    expect(nonce).toMatch(/^[A-Za-z0-9_-]{43}$/)
    const ask = (claims: object): string => verifier.verify(bound, requestWith(proofOf(key, { claims }))) ?? 'proven'
    expect(ask({})).toBe('dpop_nonce_required')
    expect(ask({ nonce: '' })).toBe('dpop_nonce_required')
    expect(ask({ nonce: 'x'.repeat(43) })).toBe('dpop_nonce_required')
    expect(ask({ nonce })).toBe('proven')
    expect(ask({ nonce })).toBe('proven')
  })

  it('are not given out where nobody asks for them, and not minded', () => {
    const verifier = verifierOf()
    expect(verifier.currentNonce()).toBeUndefined()
    expect(verifier.verify(bound, requestWith(proofOf(key, { claims: { nonce: 'x' } })))).toBeUndefined()
  })

  it('an invalid proof is told so, nonce or not', () => {
    const verifier = verifierOf({ nonce: true })
    expect(verifier.verify(bound, requestWith(proofOf(key, { claims: { htm: 'PUT' } })))).toBe('dpop_invalid')
  })
})

/** The same bytes, the unused bits of the last character set. */
function respelled(proof: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  const last = proof.at(-1) ?? ''
  return `${proof.slice(0, -1)}${alphabet[alphabet.indexOf(last) + 1]}`
}
