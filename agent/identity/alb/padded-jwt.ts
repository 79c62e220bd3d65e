import { hash } from 'node:crypto'
import { canonicalBytes } from '../base64url.ts'
import { decodeStrictObject } from '../strict-json.ts'
import type { JsonObject } from '../plain-json.ts'
import { denied, type Denied } from '../reasons.ts'
import { twinSignature } from '../signature-twin.ts'
import { REFUSED_PARAMETERS } from '../strict-jwt.ts'

/** A token of a load balancer whose form is beyond doubt. Nothing in it is proven yet. */
export interface PaddedJwt {
  readonly ok: true
  readonly header: JsonObject
  readonly payload: JsonObject
  readonly alg: string
  readonly signingInput: Buffer
  readonly signature: Buffer
}

/** Objects and arrays that may be open at once in header or payload. */
const MAX_DEPTH = 16

/**
 * A compact JWS whose three segments are base64url *with* padding, which RFC 7515 forbids and load balancers write. As
 * strict as for other tokens otherwise: one spelling, unique keys, no parameter that would choose the key.
 */
export function parsePadded(token: string): PaddedJwt | Denied {
  const segments = token.split('.', 4)
  const [first, second, signature] = segments.map(paddedBytes)
  if (segments.length !== 3 || first === undefined || second === undefined || signature === undefined) {
    return denied('malformed_token')
  }
  const header = decodeStrictObject(first, MAX_DEPTH)
  const payload = decodeStrictObject(second, MAX_DEPTH)
  if (header === undefined || payload === undefined) return denied('malformed_token')
  if (REFUSED_PARAMETERS.some((name) => header[name] !== undefined)) return denied('malformed_token')
  const alg = header['alg']
  if (typeof alg !== 'string' || alg === '') return denied('malformed_token')
  const signingInput = Buffer.from(token.slice(0, token.lastIndexOf('.')), 'latin1')
  return { ok: true, header, payload, alg, signingInput, signature }
}

/** SHA-256 of the same token under the other signature that ECDSA allows, base64url. @param token verified, of ES256 */
export function twinDigestOf({ signingInput, signature }: PaddedJwt): string | undefined {
  const twin = twinSignature('ES256', signature.toString('base64url'))
  return twin === undefined ? undefined : hash('sha256', `${signingInput.toString('latin1')}.${twin}==`, 'base64url')
}

/** The bytes of a segment that is their only padded spelling. */
function paddedBytes(segment: string): Buffer | undefined {
  if (segment.length % 4 !== 0) return undefined
  return canonicalBytes(segment.endsWith('==') ? segment.slice(0, -2) : segment.replace(/=$/, ''))
}
