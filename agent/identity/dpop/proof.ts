import { MAX_CREDENTIAL_BYTES } from '../location.ts'
import { decodeStrictObject } from '../strict-json.ts'
import { isObject, type JsonObject } from '../plain-json.ts'
import { mediaType } from '../strict-jwt.ts'

/** A DPoP proof whose form is beyond doubt (RFC 9449 section 4.2). Nothing in it is proven yet. */
export interface Proof {
  readonly alg: string
  /** Untouched: not vetted. */
  readonly jwk: JsonObject
  readonly jti: string
  readonly htm: string
  readonly htu: string
  /** Seconds since the epoch. */
  readonly iat: number
  /** Hash of the access token; undefined when absent. */
  readonly ath: string | undefined
  readonly nonce: string | undefined
  /** Seconds since the epoch; a proof needs neither of them, but they mean what they mean in every JWT. */
  readonly exp: number | undefined
  readonly nbf: number | undefined
  readonly signingInput: Buffer
  readonly signature: Buffer
}

/** Objects and arrays that may be open at once in header or payload. */
const MAX_DEPTH = 8

/** Characters. UUIDs have 36. */
const MAX_JTI = 256

/** What would choose another key, change what was signed, or demand an extension: refused by its mere presence. */
const REFUSED_PARAMETERS = ['crit', 'b64', 'zip', 'cty', 'jku', 'x5u', 'x5c'] as const

const SHAPE = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/

/** Reads a proof as strictly as tokens are read: one spelling, unique keys, bounded nesting. */
export function parseProof(text: string): Proof | undefined {
  if (text.length > MAX_CREDENTIAL_BYTES || !SHAPE.test(text)) return undefined
  const first = text.indexOf('.')
  const last = text.lastIndexOf('.')
  const header = decodeObject(text.slice(0, first))
  const payload = decodeObject(text.slice(first + 1, last))
  const signature = decode(text.slice(last + 1))
  if (header === undefined || payload === undefined || signature === undefined) return undefined
  for (const name of REFUSED_PARAMETERS) {
    if (header[name] !== undefined) return undefined
  }
  const { typ, alg, jwk } = header as { typ?: unknown; alg?: unknown; jwk?: unknown }
  if (typeof typ !== 'string' || mediaType(typ) !== 'dpop+jwt') return undefined
  if (typeof alg !== 'string' || !isObject(jwk)) return undefined
  const { jti, htm, htu, iat, ath, nonce, exp, nbf } = payload as Record<string, unknown>
  if (typeof jti !== 'string' || jti === '' || jti.length > MAX_JTI) return undefined
  if (typeof htm !== 'string' || typeof htu !== 'string' || !isFinite(iat)) return undefined
  if (!isAbsentOr(isText, ath) || !isAbsentOr(isText, nonce)) return undefined
  if (!isAbsentOr(isFinite, exp) || !isAbsentOr(isFinite, nbf)) return undefined
  const signingInput = Buffer.from(text.slice(0, last), 'latin1')
  return { alg, jwk, jti, htm, htu, iat, ath, nonce, exp, nbf, signingInput, signature }
}

const isText = (value: unknown): value is string => typeof value === 'string'

/** `1e400` is Infinity to JSON.parse. */
const isFinite = (value: unknown): value is number => Number.isFinite(value)

function isAbsentOr<T>(check: (value: unknown) => value is T, value: unknown): value is T | undefined {
  return value === undefined || check(value)
}

/** Base64url without padding; undefined when the same bytes have another spelling. */
function decode(segment: string): Buffer | undefined {
  const bytes = Buffer.from(segment, 'base64url')
  return bytes.toString('base64url') === segment ? bytes : undefined
}

function decodeObject(segment: string): JsonObject | undefined {
  const bytes = decode(segment)
  return bytes === undefined ? undefined : decodeStrictObject(bytes, MAX_DEPTH)
}
