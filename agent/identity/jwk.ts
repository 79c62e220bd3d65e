import { constants, createPublicKey, hash, type KeyObject } from 'node:crypto'
import { type Algorithm, algorithms, algorithmsOf } from './algorithms.ts'
import { isObject, type JsonObject } from './plain-json.ts'
import { hasRocaShape } from './roca.ts'

/** A public key that passed vetting. */
export interface VerificationKey {
  readonly kid: string | undefined
  /** RFC 7638, SHA-256, base64url. */
  readonly thumbprint: string
  /** Thumbprint and algorithms: a key that comes back for another algorithm is another key. */
  readonly id: string
  /** JWS algorithms this key may verify: the JWK's own `alg`, else what its type allows. */
  readonly algorithms: readonly string[]
  /** By algorithm, what node:crypto's verify() takes as its key. */
  readonly verifiers: ReadonlyMap<string, KeyObject>
  /** The RSA key of RS*, with which publicDecrypt() gives all that a signature holds; undefined for other keys. */
  readonly bare?: KeyObject | undefined
  /** Bits of the modulus; 0 for keys of other types. */
  readonly modulusBits: number
}

/** A key of a JWK Set. */
export interface VettedKey extends VerificationKey {
  /** What of the published key was taken: its public members, kid and alg. Vetting it again gives the same key. */
  readonly jwk: Readonly<JsonObject>
}

/** Why a key was left out; the text says what, never the key. */
export class KeyRefused extends Error {
  override readonly name = 'KeyRefused'
}

/** Members of private and symmetric keys (RFC 7518 sections 6.2.2, 6.3.2, 6.4.1; RFC 8037 section 2). */
const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv'] as const

const MIN_MODULUS_BITS = 2048
/** Verification time grows with the square of the modulus; 8192 bits cost about 1 ms. */
const MAX_MODULUS_BITS = 8192
/** Bytes. Larger public exponents make each verification slow and serve nobody. */
const MAX_EXPONENT_BYTES = 8

/**
 * Vets and imports one member of a JWK Set (RFC 7517 section 4). createPublicKey checks that a point lies on its curve.
 * @throws {KeyRefused} the key must not be used
 */
export async function importVetted(jwk: unknown): Promise<VettedKey> {
  return vetted(jwk)
}

/**
 * {@link importVetted} without a promise.
 * @throws {KeyRefused}
 */
export function vetted(jwk: unknown): VettedKey {
  if (!isObject(jwk)) throw new KeyRefused('not an object')
  for (const name of PRIVATE_MEMBERS) {
    if (jwk[name] !== undefined) throw new KeyRefused('holds private or symmetric key material')
  }
  const {
    kty,
    kid,
    use,
    key_ops: operations,
  } = jwk as { kty?: unknown; kid?: unknown; use?: unknown; key_ops?: unknown }
  if (kid !== undefined && typeof kid !== 'string') throw new KeyRefused('kid is not a string')
  if (use !== undefined && use !== 'sig') throw new KeyRefused('use is not sig')
  if (operations !== undefined && !(Array.isArray(operations) && operations.includes('verify'))) {
    throw new KeyRefused('key_ops lacks verify')
  }
  const publicJwk = publicMembers(kty, jwk)
  const allowed = allowedAlgorithms(jwk['alg'], publicJwk)
  const modulusBits = publicJwk.kty === 'RSA' ? vetRsa(publicJwk.n, publicJwk.e) : 0
  const key = imported(publicJwk)
  const verifiers = new Map(allowed.map((name) => [name, withParameters(key, algorithms.get(name) ?? {})]))
  const isRs = allowed.some((name) => algorithms.get(name)?.padding === constants.RSA_PKCS1_PADDING)
  const bare = isRs ? withParameters(key, { padding: constants.RSA_NO_PADDING }) : undefined
  const thumbprint = thumbprintOf(publicJwk)
  const id = `${thumbprint}:${allowed.join()}`
  const taken = { ...publicJwk, ...(kid === undefined ? {} : { kid }), ...('alg' in jwk ? { alg: jwk['alg'] } : {}) }
  return { kid, thumbprint, id, algorithms: allowed, verifiers, bare, modulusBits, jwk: taken }
}

export type PublicJwk =
  | { kty: 'RSA'; n: string; e: string }
  | { kty: 'EC'; crv: string; x: string; y: string }
  | { kty: 'OKP'; crv: string; x: string }

/** RFC 7638 with SHA-256, base64url: the members that make the key, in the order of their names. */
export function thumbprintOf(jwk: PublicJwk): string {
  const members =
    jwk.kty === 'RSA'
      ? { e: jwk.e, kty: jwk.kty, n: jwk.n }
      : jwk.kty === 'EC'
        ? { crv: jwk.crv, kty: jwk.kty, x: jwk.x, y: jwk.y }
        : { crv: jwk.crv, kty: jwk.kty, x: jwk.x }
  return hash('sha256', JSON.stringify(members), 'base64url')
}

/**
 * Only the members that make the key: nothing else of the document reaches the importer.
 * @throws {KeyRefused}
 */
export function publicMembers(kty: unknown, jwk: JsonObject): PublicJwk {
  if (kty === 'RSA') return { kty, n: text(jwk, 'n'), e: text(jwk, 'e') }
  if (kty === 'EC') return { kty, crv: text(jwk, 'crv'), x: text(jwk, 'x'), y: text(jwk, 'y') }
  if (kty === 'OKP') return { kty, crv: text(jwk, 'crv'), x: text(jwk, 'x') }
  throw new KeyRefused('key type is not RSA, EC or OKP')
}

function text(jwk: JsonObject, name: string): string {
  const value = jwk[name]
  if (typeof value !== 'string' || !/^[A-Za-z0-9_-]+$/.test(value))
    throw new KeyRefused(`${name} is missing or not base64url`)
  return value
}

function allowedAlgorithms(alg: unknown, jwk: PublicJwk): readonly string[] {
  const possible = algorithmsOf(jwk.kty, jwk.kty === 'RSA' ? undefined : jwk.crv)
  if (possible.length === 0) throw new KeyRefused('curve is not supported')
  if (alg === undefined) return possible
  if (typeof alg !== 'string' || !possible.includes(alg))
    throw new KeyRefused('alg does not fit the key or is not for signatures')
  // RFC 9864 renamed EdDSA to Ed25519; providers and their tokens change over at different times.
  return jwk.kty === 'OKP' ? possible : [alg]
}

/** @returns bits of the modulus */
function vetRsa(n: string, e: string): number {
  const modulus = BigInt(`0x${Buffer.from(n, 'base64url').toString('hex') || '0'}`)
  const bits = modulus.toString(2).length
  if (bits < MIN_MODULUS_BITS || bits > MAX_MODULUS_BITS) throw new KeyRefused(`RSA modulus of ${bits} bits`)
  const exponent = Buffer.from(e, 'base64url')
  if (exponent.length > MAX_EXPONENT_BYTES) throw new KeyRefused('RSA exponent is too large')
  const value = BigInt(`0x${exponent.toString('hex') || '0'}`)
  if (value < 3n || value % 2n === 0n) throw new KeyRefused('RSA exponent is even or below 3')
  if (modulus % 2n === 0n || hasRocaShape(modulus)) throw new KeyRefused('RSA modulus is weak')
  return bits
}

function imported(jwk: PublicJwk): KeyObject {
  try {
    return createPublicKey({ key: jwk, format: 'jwk' })
  } catch {
    throw new KeyRefused('cannot be imported')
  }
}

/**
 * The key with the parameters of one algorithm set on a KeyObject of its own. verify() reads them from whatever object it is
 * given; given `{ key, padding }` instead, Node 24 first makes two errors with stack traces to find out that this is no
 * key, which costs as much as the signature check. Should Node ever ignore them, PS* and ES* fail closed and the tests.
 * A clone shares the key itself: it costs a tenth of importing it once more.
 */
function withParameters(key: KeyObject, { padding, saltLength, dsaEncoding }: Partial<Algorithm>): KeyObject {
  return Object.assign(structuredClone(key), { padding, saltLength, dsaEncoding })
}
