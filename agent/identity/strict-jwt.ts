import { isUtf8 } from 'node:buffer'
import { algorithms } from './algorithms.ts'
import { hasUniqueKeys } from './json-scan.ts'
import { isObject, type JsonObject } from './plain-json.ts'
import { denied, type Denied } from './reasons.ts'

/** A token whose form is beyond doubt. Nothing in it is proven yet. */
export interface StrictJwt {
  readonly ok: true
  /** One of {@link algorithms}. */
  readonly alg: string
  readonly kid: string | undefined
  readonly typ: string | undefined
  /** The `iss` claim, unverified: good for choosing a provider and for nothing else. */
  readonly issuer: string
  readonly payload: JsonObject
  /** The bytes that were signed: `header "." payload` (RFC 7515 section 5.2). */
  readonly signingInput: Buffer
  readonly signature: Buffer
}

/** Objects and arrays that may be open at once in header or payload. */
const MAX_DEPTH = 16

/** Characters. A kid is a name; none of the providers known exceeds a hundred. */
const MAX_KID = 1024

/**
 * Parameters that would make the token choose its own key (RFC 8725 section 3.10), change what was signed (RFC 7797,
 * `zip`) or demand an extension we do not have (RFC 7515 section 4.1.11). Refused by their mere presence.
 */
const REFUSED_PARAMETERS = ['crit', 'b64', 'zip', 'jwk', 'jku', 'x5u', 'x5c'] as const

/** Linear: the three classes exclude the dot between them, so there is nothing to backtrack into. */
const SHAPE = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/

/**
 * The form of a compact JWS that holds a JWT (RFC 7515 section 7.1, RFC 7519 section 7.2), read more strictly than
 * libraries do:
 *
 *     token   = base64url(header) "." base64url(payload) "." base64url(signature)
 *     header  = { "alg": asymmetric, "kid"?: string, "typ"?: string, ... }
 *     payload = { "iss": string, ... }
 *
 * One token has one spelling: no padding, no white space, no spare bits, no duplicate keys, no invalid UTF-8.
 */
export function parseStrict(token: string): StrictJwt | Denied {
  if (!SHAPE.test(token)) return denied('malformed_token')
  const first = token.indexOf('.')
  const last = token.lastIndexOf('.')
  if (!canonical(token, 0, first) || !canonical(token, first + 1, last) || !canonical(token, last + 1, token.length)) {
    return denied('malformed_token')
  }
  const header = decodeObject(token.slice(0, first))
  if (header === undefined) return denied('malformed_token')
  for (const name of REFUSED_PARAMETERS) {
    if (header[name] !== undefined) return denied('malformed_token')
  }
  const { alg, kid, typ, cty } = header as { alg?: unknown; kid?: unknown; typ?: unknown; cty?: unknown }
  if (typeof alg !== 'string' || alg === '') return denied('malformed_token')
  if (kid !== undefined && (typeof kid !== 'string' || kid.length > MAX_KID)) return denied('malformed_token')
  if (typ !== undefined && typeof typ !== 'string') return denied('malformed_token')
  // A nested token is never unwrapped.
  if (cty !== undefined && (typeof cty !== 'string' || mediaType(cty) === 'jwt')) return denied('malformed_token')
  if (!algorithms.has(alg)) return denied('alg_not_allowed')

  const payload = decodeObject(token.slice(first + 1, last))
  if (payload === undefined) return denied('malformed_token')
  const issuer = payload['iss']
  if (issuer === undefined) return denied('claim_missing')
  if (typeof issuer !== 'string') return denied('claim_invalid')
  return {
    ok: true,
    alg,
    kid,
    typ,
    issuer,
    payload,
    signingInput: Buffer.from(token.slice(0, last), 'latin1'),
    signature: Buffer.from(token.slice(last + 1), 'base64url'),
  }
}

/** Comparable form of `typ` and `cty`: any case, `application/` left out (RFC 7515 section 4.1.9). */
export function mediaType(value: string): string {
  const lower = value.toLowerCase()
  return lower.startsWith('application/') ? lower.slice('application/'.length) : lower
}

/** Whether the segment is the only spelling of its bytes: no lone character, spare bits of the last one zero. */
function canonical(token: string, start: number, end: number): boolean {
  const rest = (end - start) % 4
  if (rest === 0) return true
  if (rest === 1) return false
  const spareBits = rest === 2 ? 0b1111 : 0b11
  return (base64urlValue(token.charCodeAt(end - 1)) & spareBits) === 0
}

/** Value of a character of the base64url alphabet (RFC 4648 section 5). */
function base64urlValue(code: number): number {
  if (code >= 0x61) return code - 0x61 + 26 // a-z
  if (code === 0x5f) return 63 // _
  if (code >= 0x41) return code - 0x41 // A-Z
  return code === 0x2d ? 62 : code - 0x30 + 52 // - 0-9
}

function decodeObject(segment: string): JsonObject | undefined {
  const bytes = Buffer.from(segment, 'base64url')
  if (!isUtf8(bytes)) return undefined
  const text = bytes.toString('utf8')
  if (!hasUniqueKeys(text, MAX_DEPTH)) return undefined
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) ? value : undefined
  } catch {
    return undefined // not JSON, a byte order mark included
  }
}
