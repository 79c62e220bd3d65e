import { algorithms } from './algorithms.ts'
import { canonicalText, holdsForeignLetters, isCanonicalSignature } from './base64url.ts'
import { ownText } from './own-text.ts'
import type { JsonObject } from './plain-json.ts'
import { denied, type Denied } from './reasons.ts'
import { parseStrictObject } from './strict-json.ts'

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
  /** The payload as text, where JSON.parse makes the same of it again: no escapes in it. */
  readonly text: string | undefined
  /** What was signed: `header "." payload` (RFC 7515 section 5.2), ASCII. */
  readonly signed: string
  /** In base64url, its only spelling; `verifySignature` makes bytes of both. */
  readonly signature: string
}

/** Objects and arrays that may be open at once in header or payload. */
const MAX_DEPTH = 16

/** Characters. A kid is a name; none of the providers known exceeds a hundred. */
const MAX_KID = 1024

/**
 * Parameters that would make the token choose its own key (RFC 8725 section 3.10), change what was signed (RFC 7797,
 * `zip`) or demand an extension we do not have (RFC 7515 section 4.1.11). Refused by their mere presence.
 */
export const REFUSED_PARAMETERS = ['crit', 'b64', 'zip', 'jwk', 'jku', 'x5u', 'x5c'] as const

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
  const first = token.indexOf('.')
  const last = token.indexOf('.', first + 1)
  if (first < 0 || last < 0 || last === token.length - 1 || token.includes('.', last + 1)) {
    return denied('malformed_token')
  }
  if (holdsForeignLetters(token)) return denied('malformed_token')
  const header = headerOf(token.slice(0, first))
  if ('reason' in header) return header
  const signature = token.slice(last + 1)
  const text = isCanonicalSignature(signature) ? canonicalText(token.slice(first + 1, last)) : undefined
  if (text === undefined) return denied('malformed_token')
  const escapes = text.includes('\\')
  const payload = parseStrictObject(text, MAX_DEPTH, escapes)
  if (payload === undefined) return denied('malformed_token')
  const issuer = payload['iss']
  if (issuer === undefined) return denied('claim_missing')
  if (typeof issuer !== 'string') return denied('claim_invalid')
  const { alg, kid, typ } = header
  const again = escapes ? undefined : text
  return { ok: true, alg, kid, typ, issuer, payload, text: again, signed: token.slice(0, last), signature }
}

/** What of a header is used, once it is beyond doubt. */
interface StrictHeader {
  readonly alg: string
  readonly kid: string | undefined
  readonly typ: string | undefined
}

/**
 * Headers seen, by their segment: all tokens of one key have the same. Holds nothing that a token needs, and is emptied
 * when it is full: an attacker who sends many headers makes us read each of them, as without it.
 */
const headers = new Map<string, StrictHeader>()
const MAX_HEADERS = 256
/** Characters; a longer header is read every time. */
const MAX_KEPT_HEADER = 512

function headerOf(segment: string): StrictHeader | Denied {
  const known = headers.get(segment)
  if (known !== undefined) return known
  const header = readHeader(segment)
  if ('reason' in header || segment.length > MAX_KEPT_HEADER) return header
  if (headers.size === MAX_HEADERS) headers.clear()
  headers.set(ownText(segment), header)
  return header
}

function readHeader(segment: string): StrictHeader | Denied {
  const text = canonicalText(segment)
  const header = text === undefined ? undefined : parseStrictObject(text, MAX_DEPTH)
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
  return { alg, kid, typ }
}

/** Comparable form of `typ` and `cty`: any case, `application/` left out (RFC 7515 section 4.1.9). */
export function mediaType(value: string): string {
  const lower = value.toLowerCase()
  return lower.startsWith('application/') ? lower.slice('application/'.length) : lower
}
