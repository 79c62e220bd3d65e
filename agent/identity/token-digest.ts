import { hash } from 'node:crypto'
import { twinSignature } from './signature-twin.ts'
import type { StrictJwt } from './strict-jwt.ts'

/**
 * SHA-256 of a token, so that no cache holds anything that could be replayed. As 32 latin1 characters: half the time of
 * writing it as text. Under 1 us for 1 KB, once per request however many providers the rule allows.
 */
export function tokenDigest(token: string): string {
  return hash('sha256', token, 'binary')
}

/**
 * {@link tokenDigest} of the same token under the other signature that ECDSA allows; undefined where there is only one.
 * Lists name a token by the digest of all of its bytes, so whoever holds a revoked one could send its twin: both digests
 * are looked for. A digest of header and payload alone would be one for both, but lists hold digests of whole tokens
 * already, and people make them with sha256sum. Made when a token is verified, where 3 us are little beside the
 * signature; a token that a cache knows costs nothing.
 * @param token with a signature that was verified
 */
export function twinDigest({
  alg,
  signed,
  signature,
}: Pick<StrictJwt, 'alg' | 'signed' | 'signature'>): string | undefined {
  const twin = twinSignature(alg, signature)
  return twin === undefined ? undefined : tokenDigest(`${signed}.${twin}`)
}

/** The same digest as text, base64url. */
export function digestText(digest: string): string {
  return Buffer.from(digest, 'latin1').toString('base64url')
}
