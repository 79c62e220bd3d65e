import { constants, createVerify, type KeyObject, verify } from 'node:crypto'
import { algorithms, type Algorithm } from './algorithms.ts'
import { decodedSignature } from './base64url.ts'
import type { VerificationKey } from './jwk.ts'
import { verifyPkcs1 } from './pkcs1.ts'
import type { StrictJwt } from './strict-jwt.ts'

/** Bits of an RSA modulus up to which a verification takes some tens of microseconds. */
const MAX_SYNC_MODULUS_BITS = 3072

/**
 * Checks a signature with node:crypto. At once where that takes some tens of microseconds (RSA up to 3072 bits, P-256,
 * Ed25519); through the thread pool where it takes half a millisecond (P-384, P-521, larger RSA), so that other requests
 * move on meanwhile. A signature that OpenSSL cannot even read is a wrong one: never throws, never rejects.
 */
export function verifySignature(token: StrictJwt, key: VerificationKey): boolean | Promise<boolean> {
  const algorithm = algorithms.get(token.alg)
  const verifier = key.verifiers.get(token.alg)
  if (algorithm === undefined || verifier === undefined) return false
  const { signatureBytes } = algorithm
  if (signatureBytes !== undefined && Buffer.byteLength(token.signature, 'base64url') !== signatureBytes) return false
  return isQuick(token.alg, key) ? verifyNow(token, algorithm, verifier, key) : verifyInPool(token, algorithm, verifier)
}

/** Whether {@link verifySignature} answers at once. */
export function isQuick(alg: string, key: VerificationKey): boolean {
  const curve = algorithms.get(alg)?.curve
  return curve === undefined ? key.modulusBits <= MAX_SYNC_MODULUS_BITS : curve === 'P-256' || curve === 'Ed25519'
}

/**
 * PS and ES by an object that reads the text where it lies: `verify` wants bytes, and to make them costs more than the
 * object does. Only EdDSA, which reads what was signed twice, cannot do without.
 */
function verifyNow(
  { signed, signature }: StrictJwt,
  { hash, padding }: Algorithm,
  verifier: KeyObject,
  { bare, modulusBits }: VerificationKey,
): boolean {
  try {
    const seal = decodedSignature(signature)
    if (hash === null) return verify(hash, Buffer.from(signed, 'latin1'), verifier, seal)
    if (padding === constants.RSA_PKCS1_PADDING && bare !== undefined) {
      return verifyPkcs1(hash, signed, seal, bare, modulusBits)
    }
    return createVerify(hash).update(signed, 'latin1').verify(verifier, seal)
  } catch {
    return false
  }
}

function verifyInPool(token: StrictJwt, algorithm: Algorithm, key: KeyObject): Promise<boolean> {
  return new Promise((resolve) => {
    try {
      const [input, signature] = [Buffer.from(token.signed, 'latin1'), Buffer.from(token.signature, 'base64url')]
      verify(algorithm.hash, input, key, signature, (error, valid) => resolve(error === null && valid))
    } catch {
      resolve(false)
    }
  })
}
