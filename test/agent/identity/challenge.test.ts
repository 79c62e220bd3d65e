import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { algorithms } from '../../../agent/identity/algorithms.ts'
import { challenge } from '../../../agent/identity/challenge.ts'
import { denyReasons, reasons } from '../../../agent/identity/reasons.ts'
import { boundTo, proofOf, requestWith, verifierOf } from './dpop/support.ts'
import { testKey } from './support/tokens.ts'

describe('the challenge of a reason', () => {
  it('tells a request without credentials of the scheme and of no error', () => {
    expect(challenge('no_credentials', { realm: 'api' })).toBe('Bearer realm="api"')
  })

  it('names error and description for an invalid token', () => {
    expect(challenge('expired', { realm: 'api' })).toBe(
      'Bearer realm="api", error="invalid_token", error_description="The token has expired"',
    )
  })

  it('names the scope that is missing', () => {
    expect(challenge('insufficient_scope', { realm: 'api', scope: 'orders:write' })).toBe(
      'Bearer realm="api", error="insufficient_scope", error_description="The token lacks a required scope", scope="orders:write"',
    )
  })

  it('names the algorithms of proofs in challenges of the scheme DPoP (RFC 9449 section 7.1), and in no other', () => {
    const algs = 'RS256 RS384 RS512 PS256 PS384 PS512 ES256 EdDSA Ed25519'
    const resourceMetadata = 'https://api.example.com/.well-known/oauth-protected-resource'
    expect(challenge('dpop_invalid', { realm: 'api', resourceMetadata, scope: 'a' })).toBe(
      `DPoP realm="api", error="invalid_dpop_proof", error_description="${reasons.dpop_invalid.description}", algs="${algs}", resource_metadata="${resourceMetadata}"`,
    )
    for (const reason of denyReasons) {
      const value = challenge(reason, { realm: 'api' })
      expect(value.includes(`, algs="${algs}"`), reason).toBe(value.startsWith('DPoP '))
    }
  })

  it('tells who has shown nothing of the schemes that he may use, where tokens come with proofs of a key', () => {
    const dpop = /^DPoP realm="api", algs="[^"]+", resource_metadata="https:\/\/a\.example\/m"$/
    const options = { realm: 'api', resourceMetadata: 'https://a.example/m' }
    expect(challenge('no_credentials', { ...options, proof: 'required' })).toMatch(dpop)
    const [bearer, rest] = challenge('no_credentials', { ...options, proof: 'optional' }).split(/, (?=DPoP )/)
    expect(bearer).toBe(challenge('no_credentials', options))
    expect(rest).toMatch(dpop)
  })

  it('speaks of the scheme DPoP to a token that had to come with it, and of Bearer where it need not', () => {
    const [form, ours] = ['error="invalid_token", error_description="[^"]+"', { realm: 'api' }]
    for (const reason of ['expired', 'binding_missing'] as const) {
      expect(challenge(reason, { ...ours, proof: 'required' })).toMatch(
        new RegExp(`^DPoP realm="api", ${form}, algs="[^"]+"$`),
      )
      expect(challenge(reason, { ...ours, proof: 'optional' })).toMatch(new RegExp(`^Bearer realm="api", ${form}$`))
    }
    for (const reason of denyReasons.filter((name) => reasons[name].challenge === 'none')) {
      expect(challenge(reason, { ...ours, proof: 'required' })).toBe('')
    }
  })

  it.each([...algorithms.keys()])('names %s among them only if a proof with it is taken', (alg) => {
    const key = testKey(alg)
    const taken = verifierOf().verify(boundTo(key), requestWith(proofOf(key))) === undefined
    const [, algs = ''] = /algs="([^"]*)"/.exec(challenge('dpop_missing', { realm: 'api' })) ?? []
    expect(algs.split(' ').includes(alg)).toBe(taken)
  })

  it('tells where to learn of the provider (RFC 9728 section 5.1), with 401 only', () => {
    const options = { realm: 'api', resourceMetadata: 'https://api.example.com/.well-known/oauth-protected-resource' }
    expect(challenge('no_credentials', options)).toBe(
      'Bearer realm="api", resource_metadata="https://api.example.com/.well-known/oauth-protected-resource"',
    )
    expect(challenge('expired', options)).toMatch(/error_description="[^"]+", resource_metadata="https:[^"]+"$/)
    expect(challenge('insufficient_scope', options)).not.toContain('resource_metadata')
  })

  it('never challenges when the failure is ours: an outage is no invalid token', () => {
    for (const reason of denyReasons.filter((name) => reasons[name].status >= 429)) {
      expect(challenge(reason, { realm: 'api' })).toBe('')
    }
  })

  it('never sends 401 without a challenge (RFC 9110 section 15.5.2), and gives each form its status (RFC 6750 section 3.1)', () => {
    const statusOf = {
      none: [302, 400, 403, 429, 503],
      bare: [401],
      invalid_request: [400],
      invalid_token: [401],
      insufficient_scope: [403],
      invalid_dpop_proof: [401],
      use_dpop_nonce: [401],
    }
    for (const reason of denyReasons) expect(statusOf[reasons[reason].challenge]).toContain(reasons[reason].status)
  })

  it('stays one header value of balanced quotes, whatever realm and scope hold', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (realm, scope) => {
        const value = challenge('insufficient_scope', { realm, scope })
        expect(value).toMatch(
          /^Bearer realm="(?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*", error="insufficient_scope", error_description="[^"]+"(, scope="[^"\\]+")?$/,
        )
      }),
    )
  })
})
