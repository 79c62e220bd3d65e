import { hash, X509Certificate } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { twinCertificate } from '../../../../agent/identity/certificate/twin.ts'
import { identityOf } from '../../../../agent/identity/identity.ts'
import { Revocations } from '../../../../agent/identity/revocation/revocations.ts'
import type { KeyAlgorithm } from '../../../support/client-certificates.ts'
import { twinCertificateOf } from '../support/twins.ts'
import { ANYBODY, ask, type Authority, schemeOf, silent, startAuthority } from './support.ts'

const CURVES = [
  ['P-256', 'ES256'],
  ['P-384', 'ES384'],
  ['P-521', 'ES512'],
] as const
const RSA: KeyAlgorithm = {
  name: 'RSASSA-PKCS1-v1_5',
  modulusLength: 2048,
  publicExponent: Uint8Array.of(1, 0, 1),
  hash: 'SHA-256',
}
const sha256 = (der: Buffer): string => hash('sha256', der, 'base64url')

/** Why each of them is refused, once the certificate with this digest is revoked. */
function outcomes(revoked: string, certificates: readonly Buffer[]): string[] {
  const now = Date.now
  const revocations = new Revocations(undefined, { now, monotonicMs: now, log: silent })
  revocations.add({ certificate: revoked, until: 'never' }, { source: 'admin' })
  const scheme = schemeOf({ source: 'cn', allow: ANYBODY })
  return certificates.map((der) => {
    const result = ask(scheme, der)
    return result.ok ? (revocations.check(result.identity) ?? 'ok') : result.reason
  })
}

describe.each(CURVES)('a certificate of an authority on %s', (namedCurve, alg) => {
  const start = (): Promise<Authority> => startAuthority({ name: 'ECDSA', namedCurve })

  it('has a twin that verifies as well, and both are revoked by the digest of either', async () => {
    const { ca, issued } = await start()
    const [{ der }, other] = await Promise.all([issued({ name: 'CN=alice' }), issued({ name: 'CN=bob' })])
    const twin = twinCertificateOf(der, alg)
    expect(twin.equals(der)).toBe(false)
    expect(new X509Certificate(twin).verify(new X509Certificate(ca.cert).publicKey)).toBe(true)
    for (const digest of [sha256(der), sha256(twin)]) {
      expect(outcomes(digest, [der, twin, other.der])).toEqual(['revoked', 'revoked', 'ok'])
    }
  })

  it('and its twin are each the twin of the other, whatever length the numbers have', async () => {
    const { issued } = await start()
    for (let i = 0; i < 40; i++) {
      const { der } = await issued({ name: 'CN=alice' })
      const twin = twinCertificateOf(der, alg)
      expect(twinCertificate(der)).toEqual(twin)
      expect(twinCertificate(twin)).toEqual(der)
    }
  })
})

describe('a token that is bound to a certificate', () => {
  it('is revoked with it, also where the issuer was shown its twin', async () => {
    const { issued } = await startAuthority()
    const [{ der }, other] = await Promise.all([issued({ name: 'CN=alice' }), issued({ name: 'CN=bob' })])
    const twin = twinCertificateOf(der, 'ES256')
    const now = Date.now
    const revocations = new Revocations(undefined, { now, monotonicMs: now, log: silent })
    revocations.add({ certificate: sha256(der), until: 'never' }, { source: 'admin' })
    const outcomeOf = (bound: Buffer): string => {
      const confirmation = { x5t: sha256(bound) }
      const known = { provider: 'corp', method: 'jwt', issuer: 'i', subject: 's', digest: 'd', confirmation } as const
      return revocations.check(identityOf(known), bound) ?? 'ok'
    }
    expect([der, twin, other.der].map(outcomeOf)).toEqual(['revoked', 'revoked', 'ok'])
  })
})

describe('what has no twin', () => {
  it('a certificate of an RSA authority is revoked by its digest alone', async () => {
    const { issued } = await startAuthority(RSA)
    const { der } = await issued({ name: 'CN=alice' })
    expect(twinCertificate(der)).toBeUndefined()
    expect(outcomes(sha256(der), [der])).toEqual(['revoked'])
  })

  it('whatever else the bytes are, nothing is thrown', async () => {
    const { issued } = await startAuthority()
    const { der } = await issued({ name: 'CN=alice' })
    for (let length = 0; length < der.length; length++) {
      expect(twinCertificate(der.subarray(0, length))).toBeUndefined()
    }
    for (let at = 0; at < der.length; at++) {
      for (const value of [0x00, 0x30, 0x7f, 0x80, 0x84, 0xff]) {
        const changed = Buffer.from(der)
        changed[at] = value
        expect(() => twinCertificate(changed)).not.toThrow()
      }
    }
  })
})
