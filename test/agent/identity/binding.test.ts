import { describe, expect, it } from 'vitest'
import { checkBinding } from '../../../agent/identity/binding.ts'
import { identityOf } from '../../../agent/identity/identity.ts'
import { boundTo, callerOf, proofOf, requestWith, sha256, TOKEN, verifierOf } from './dpop/support.ts'
import { testKey } from './support/tokens.ts'

const plain = requestWith(undefined, { authorization: `Bearer ${TOKEN}` })
const check = (...[identity, evidence, dpop]: Parameters<typeof checkBinding>): string =>
  checkBinding(identity, evidence, dpop) ?? 'bound'

// RFC 8705 appendix A: a certificate and its confirmation.
const EXAMPLE = Buffer.from(
  [
    'MIIBBjCBrAIBAjAKBggqhkjOPQQDAjAPMQ0wCwYDVQQDDARtdGxzMB4XDTE4MTAxODEyMzcwOVoXDTIyMDUwMjEyMzcwOVowDzENMAsGA1UEAwwE',
    'bXRsczBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABNcnyxwqV6hY8QnhxxzFQ03C7HKW9OylMbnQZjjJ/Au08/coZwxS7LfA4vOLS9WuneIXhbGG',
    'WvsDSb0tH6IxLm8wCgYIKoZIzj0EAwIDSQAwRgIhAP0RC1E+vwJD/D1AGHGzuri+hlV/PpQEKTWUVeORWz83AiEA5x2eXZOVbUlJSGQgjwD5vaUa',
    'KlLR50Q2DmFfQj1L+SY=',
  ].join(''),
  'base64',
)
const EXAMPLE_X5T = 'A4DtL2JmUMhAsvJj5tKyn64SqzmuXbMrJa0n761y5v0'

describe('a token bound to nothing', () => {
  it('passes as a bearer token', () => {
    expect(check(callerOf(undefined), plain, undefined)).toBe('bound')
  })

  it.each(['DPoP', 'dpop', 'DPOP  '])('is refused when it comes with the scheme %j', (scheme) => {
    const request = requestWith(proofOf(testKey('ES256')), { authorization: `${scheme} ${TOKEN}` })
    expect(check(callerOf(undefined), request, verifierOf())).toBe('dpop_invalid')
    expect(check(callerOf(undefined), request, undefined)).toBe('dpop_invalid')
  })

  it('is none of the business of a token beside it that comes with the scheme DPoP', () => {
    const machine = identityOf({
      provider: 'machines',
      method: 'certificate',
      issuer: 'example.org',
      subject: 'spiffe://example.org/a',
      digest: sha256('the certificate'),
    })
    expect(check(machine, requestWith(undefined), undefined)).toBe('bound')
  })
})

describe('a token bound to a certificate (RFC 8705)', () => {
  const bound = callerOf({ x5t: EXAMPLE_X5T })
  const shown = (der: Uint8Array, verify = 0): typeof plain => ({ ...plain, certificate: { der, verify } })

  it('is good with the certificate of the example in appendix A', () => {
    expect(check(bound, shown(EXAMPLE), undefined)).toBe('bound')
  })

  it('is refused without a certificate', () => {
    expect(check(bound, plain, undefined)).toBe('binding_missing')
  })

  it('is refused with a certificate that HAProxy could not verify', () => {
    expect(check(bound, shown(EXAMPLE, 18), undefined)).toBe('binding_missing')
  })

  it('X4: is refused with another certificate, whatever was accepted before', () => {
    const other = Buffer.from(EXAMPLE)
    other[other.length - 1] = 0
    expect(check(bound, shown(EXAMPLE), undefined)).toBe('bound')
    expect(check(bound, shown(other), undefined)).toBe('binding_mismatch')
    expect(check(bound, shown(Buffer.alloc(0)), undefined)).toBe('binding_mismatch')
  })

  it.each(['', EXAMPLE_X5T.slice(1), `${EXAMPLE_X5T}=`, EXAMPLE_X5T.toLowerCase(), 'é'.repeat(43)])(
    'is refused when it names %j',
    (x5t) => {
      expect(check(callerOf({ x5t }), shown(EXAMPLE), undefined)).toBe('binding_mismatch')
    },
  )
})

describe('a token bound to a key (RFC 9449)', () => {
  const key = testKey('ES256')
  const bound = boundTo(key)

  it('is good with a proof', () => {
    expect(check(bound, requestWith(proofOf(key)), verifierOf())).toBe('bound')
  })

  it('needs a proof of its own for every request', () => {
    const verifier = verifierOf()
    const request = requestWith(proofOf(key))
    expect(check(bound, request, verifier)).toBe('bound')
    expect(check(bound, { ...request, requestId: 'another' }, verifier)).toBe('dpop_replayed')
    expect(check(bound, requestWith(undefined), verifier)).toBe('dpop_missing')
  })

  it('is refused as a bearer token, even with a proof beside it', () => {
    expect(check(bound, plain, verifierOf())).toBe('dpop_missing')
    expect(check(bound, { ...requestWith(proofOf(key)), authorization: plain.authorization }, verifierOf())).toBe(
      'dpop_missing',
    )
    expect(check(bound, { ...requestWith(proofOf(key)), authorization: undefined }, verifierOf())).toBe('dpop_missing')
  })

  it('is refused from a cookie while another token has the scheme DPoP', () => {
    const request = requestWith(proofOf(key), { authorization: 'DPoP another' })
    expect(check(bound, request, verifierOf())).toBe('dpop_invalid')
  })

  it('is refused where the provider takes no proofs', () => {
    expect(check(bound, requestWith(proofOf(key)), undefined)).toBe('binding_missing')
  })

  it('tells of a nonce', () => {
    expect(check(bound, requestWith(proofOf(key)), verifierOf({ nonce: true }))).toBe('dpop_nonce_required')
  })
})

it('a token bound in two ways needs both, one bound in an unknown way passes nobody', () => {
  const key = testKey('ES256')
  const both = callerOf({ x5t: EXAMPLE_X5T, jkt: boundTo(key).confirmation?.jkt ?? '' })
  const certificate = { der: EXAMPLE, verify: 0 }
  expect(check(both, requestWith(proofOf(key), { certificate }), verifierOf())).toBe('bound')
  expect(check(both, requestWith(proofOf(key)), verifierOf())).toBe('binding_missing')
  expect(check(both, requestWith(undefined, { certificate }), verifierOf())).toBe('dpop_missing')
  expect(check(callerOf({}), plain, verifierOf())).toBe('binding_missing')
})
