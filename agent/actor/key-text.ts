import { createHash, createPrivateKey, createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto'
import { algorithms } from '../identity/algorithms.ts'
import type { VerificationKey } from '../identity/jwk.ts'
import { isObject } from '../identity/plain-json.ts'
import type { EnvelopeAlgorithm } from './envelope.ts'

/** Public part of a key that signs envelopes, by its two types. */
type PublicJwk =
  | { readonly kty: 'OKP'; readonly crv: 'Ed25519'; readonly x: string }
  | { readonly kty: 'EC'; readonly crv: 'P-256'; readonly x: string; readonly y: string }

/** A key that signs. */
export interface SigningKey {
  readonly alg: EnvelopeAlgorithm
  /** RFC 7638 thumbprint, SHA-256, base64url. */
  readonly kid: string
  readonly privateKey: KeyObject
  readonly publicJwk: PublicJwk
}

const KINDS = 'expected an Ed25519 or P-256 key'

/**
 * Reads a private key: PEM (PKCS #8, SEC 1) or a JWK (RFC 7517).
 * @throws {Error} that says what is wrong and holds nothing of the text
 */
export function parseSigningKey(text: string): SigningKey {
  const privateKey = importKey(text, createPrivateKey, 'not a private key in PEM or JWK')
  const publicJwk = publicJwkOf(createPublicKey(privateKey))
  return { alg: algorithmOf(publicJwk), kid: thumbprint(publicJwk), privateKey, publicJwk }
}

/**
 * Reads public keys: a JWK Set, one JWK, or PEM with any number of keys. Each is known by its thumbprint and, if the set
 * gives it another `kid`, by that.
 * @throws {Error} that says what is wrong and holds nothing of the text; one bad key refuses them all, because a file of
 * keys is written by hand and a typing error must be seen
 */
export function parseVerificationKeys(text: string): VerificationKey[] {
  const keys = text.trimStart().startsWith('{') ? jwksOf(text).map(importPublicJwk) : pemsOf(text).map(importPublicPem)
  if (keys.length === 0) throw new Error('holds no key')
  return keys
}

/** Public keys as a JWK Set (RFC 7517 section 5), for `actor.verifyKeys`. */
export function toJwks(keys: readonly SigningKey[]): { readonly keys: readonly object[] } {
  return { keys: keys.map(({ publicJwk, kid, alg }) => ({ ...publicJwk, kid, alg, use: 'sig' })) }
}

/** RFC 7638: SHA-256 of the required members in lexical order. */
function thumbprint(jwk: PublicJwk): string {
  const { crv, kty, x } = jwk
  const members = jwk.kty === 'EC' ? { crv, kty, x, y: jwk.y } : { crv, kty, x }
  return createHash('sha256').update(JSON.stringify(members)).digest('base64url')
}

function algorithmOf({ kty }: PublicJwk): EnvelopeAlgorithm {
  return kty === 'OKP' ? 'EdDSA' : 'ES256'
}

function publicJwkOf(key: KeyObject): PublicJwk {
  const curve = key.asymmetricKeyDetails?.namedCurve
  if (key.asymmetricKeyType !== 'ed25519' && curve !== 'prime256v1') throw new Error(KINDS)
  const { x = '', y = '' } = key.export({ format: 'jwk' })
  return curve === undefined ? { kty: 'OKP', crv: 'Ed25519', x } : { kty: 'EC', crv: 'P-256', x, y }
}

function importPublicPem(pem: string): VerificationKey {
  // createPublicKey would take the public half of a private key: a worker must not even hold one.
  if (!pem.includes('PUBLIC KEY')) throw new Error('holds something else than public keys')
  const key = importKey(pem, createPublicKey, 'not a public key in PEM')
  return verificationKey(publicJwkOf(key), key, undefined)
}

function importPublicJwk(jwk: unknown): VerificationKey {
  if (!isObject(jwk)) throw new Error('a key is not an object')
  if (jwk['d'] !== undefined || jwk['k'] !== undefined) throw new Error('holds a private key: give the public half')
  const key = importKey(JSON.stringify(jwk), createPublicKey, 'not a public JWK')
  const publicJwk = publicJwkOf(key)
  const { alg, kid, use } = jwk as { alg?: unknown; kid?: unknown; use?: unknown }
  if (alg !== undefined && alg !== algorithmOf(publicJwk)) throw new Error('"alg" of a key does not fit it')
  if (use !== undefined && use !== 'sig') throw new Error('"use" of a key is not "sig"')
  if (kid !== undefined && typeof kid !== 'string') throw new Error('"kid" of a key is not a text')
  return verificationKey(publicJwk, key, kid)
}

function verificationKey(jwk: PublicJwk, key: KeyObject, kid: string | undefined): VerificationKey {
  const alg = algorithmOf(jwk)
  const { dsaEncoding } = algorithms.get(alg) ?? {}
  const print = thumbprint(jwk)
  return {
    kid: kid ?? print,
    thumbprint: print,
    id: `${print}:${alg}`,
    algorithms: [alg],
    verifiers: new Map([[alg, Object.assign(key, { dsaEncoding })]]),
    modulusBits: 0,
  }
}

function jwksOf(text: string): unknown[] {
  let document: unknown
  try {
    document = JSON.parse(text)
  } catch {
    throw new Error('not JSON')
  }
  if (!isObject(document)) throw new Error('not a JWK Set')
  const { keys } = document as { keys?: unknown }
  return Array.isArray(keys) ? keys : [document]
}

function pemsOf(text: string): string[] {
  return text.match(/-----BEGIN [A-Z0-9 ]+-----[^-]+-----END [A-Z0-9 ]+-----/g) ?? []
}

/** OpenSSL's messages are about its own inside, and might quote: they are replaced. */
function importKey(
  text: string,
  create: (input: string | { key: JsonWebKey; format: 'jwk' }) => KeyObject,
  message: string,
): KeyObject {
  try {
    if (!text.trimStart().startsWith('{')) return create(text)
    return create({ key: JSON.parse(text) as JsonWebKey, format: 'jwk' })
  } catch {
    throw new Error(message)
  }
}
