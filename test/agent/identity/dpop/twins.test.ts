import { describe, expect, it } from 'vitest'
import { thumbprintOf } from '../../../../agent/identity/jwk.ts'
import { signToken, testKey } from '../support/tokens.ts'
import { liftedEd25519, twinOf } from '../support/twins.ts'
import { boundTo, callerOf, proofOf, publicJwk, requestWith, sha256, verifierOf } from './support.ts'

describe('a proof whose signature is spelled anew', () => {
  it('with ES256 is the same proof: shown after the first one it is a replay', () => {
    const key = testKey('ES256')
    const bound = boundTo(key)
    const proof = proofOf(key)
    const twin = twinOf(proof, 'ES256')
    expect(twin).not.toBe(proof)
    // By itself the twin is as good as the proof that the client made.
    expect(verifierOf().verify(bound, requestWith(twin))).toBeUndefined()
    for (const [first, second] of [
      [proof, twin],
      [twin, proof],
    ]) {
      const verifier = verifierOf()
      expect(verifier.verify(bound, requestWith(first))).toBeUndefined()
      expect(verifier.verify(bound, requestWith(second))).toBe('dpop_replayed')
      expect(verifier.counters.remembered).toBe(1)
    }
  })

  it('with EdDSA is none: S + L is refused', () => {
    const key = testKey('EdDSA')
    const proof = proofOf(key)
    const dot = proof.lastIndexOf('.')
    const lifted = liftedEd25519(Buffer.from(proof.slice(dot + 1), 'base64url'))
    const twin = `${proof.slice(0, dot)}.${lifted.toString('base64url')}`
    expect(verifierOf().verify(boundTo(key), requestWith(twin))).toBe('dpop_invalid')
  })
})

it('a proof made for a token is of no use to the twin of the token: `ath` is of all of its bytes', () => {
  const key = testKey('ES256')
  const token = signToken(testKey('ES256'), { sub: 'alice' })
  const twin = twinOf(token, 'ES256')
  const proof = proofOf(key, { claims: { ath: sha256(token) } })
  const confirmation = { jkt: thumbprintOf(publicJwk(key)) }
  const judge = (shown: string) =>
    verifierOf().verify(callerOf(confirmation, shown), requestWith(proof, { authorization: `DPoP ${shown}` }))
  expect(judge(token)).toBeUndefined()
  expect(judge(twin)).toBe('dpop_invalid')
})
