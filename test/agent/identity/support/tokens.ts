import { constants, createPublicKey, generateKeyPairSync, sign, type JsonWebKey, type KeyObject } from 'node:crypto'

/** A signing key of a test issuer with its public JWK. */
export interface TestKey {
  readonly kid: string
  readonly alg: string
  readonly privateKey: KeyObject
  readonly jwk: JsonWebKey & { kid: string; alg?: string; use?: string }
}

const HASHES: Record<string, string | null> = {
  RS256: 'sha256',
  RS384: 'sha384',
  RS512: 'sha512',
  PS256: 'sha256',
  PS384: 'sha384',
  PS512: 'sha512',
  ES256: 'sha256',
  ES384: 'sha384',
  ES512: 'sha512',
  EdDSA: null,
  Ed25519: null,
}
const CURVES: Record<string, string> = { ES256: 'P-256', ES384: 'P-384', ES512: 'P-521' }

/** A fresh key for one algorithm. */
export function testKey(alg: string, kid = `${alg}-1`, modulusLength = 2048): TestKey {
  const { privateKey } =
    alg === 'EdDSA' || alg === 'Ed25519'
      ? generateKeyPairSync('ed25519')
      : CURVES[alg] === undefined
        ? generateKeyPairSync('rsa', { modulusLength })
        : generateKeyPairSync('ec', { namedCurve: CURVES[alg] })
  const jwk = { ...createPublicKey(privateKey).export({ format: 'jwk' }), kid, alg, use: 'sig' }
  return { kid, alg, privateKey, jwk }
}

/** JWS signature bytes over an input. */
export function signBytes(alg: string, key: KeyObject, input: string | Buffer): Buffer {
  const hash = HASHES[alg]
  if (hash === undefined) throw new Error(`cannot sign ${alg}`)
  const padding = alg.startsWith('PS')
    ? { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }
    : {}
  const encoding = alg.startsWith('ES') ? { dsaEncoding: 'ieee-p1363' as const } : {}
  return sign(hash, Buffer.from(input), { key, ...padding, ...encoding })
}

export const b64 = (value: string | Buffer): string => Buffer.from(value).toString('base64url')

/** A token with exactly these texts as header and payload, whatever they are, honestly signed. */
export function rawToken(key: TestKey, header: string | Buffer, payload: string | Buffer): string {
  const input = `${b64(header)}.${b64(payload)}`
  return `${input}.${b64(signBytes(key.alg, key.privateKey, input))}`
}

/** A token of these claims; members of `header` come after alg and kid, undefined ones are left out. */
export function signToken(key: TestKey, claims: object, header: object = {}): string {
  return rawToken(key, JSON.stringify({ alg: key.alg, kid: key.kid, ...header }), JSON.stringify(claims))
}
