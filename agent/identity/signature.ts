import { verify, type KeyObject } from 'node:crypto'
import { algorithms, type Algorithm } from './algorithms.ts'
import type { VerificationKey } from './jwk.ts'
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
  if (algorithm.signatureBytes !== undefined && token.signature.length !== algorithm.signatureBytes) return false
  return isQuick(token.alg, key) ? verifyNow(token, algorithm, verifier) : verifyInPool(token, algorithm, verifier)
}

/** Whether {@link verifySignature} answers at once. */
export function isQuick(alg: string, key: VerificationKey): boolean {
  const curve = algorithms.get(alg)?.curve
  return curve === undefined ? key.modulusBits <= MAX_SYNC_MODULUS_BITS : curve === 'P-256' || curve === 'Ed25519'
}

function verifyNow(token: StrictJwt, algorithm: Algorithm, key: KeyObject): boolean {
  try {
    return verify(algorithm.hash, token.signingInput, key, token.signature)
  } catch {
    return false
  }
}

function verifyInPool(token: StrictJwt, algorithm: Algorithm, key: KeyObject): Promise<boolean> {
  return new Promise((resolve) => {
    try {
      verify(algorithm.hash, token.signingInput, key, token.signature, (error, valid) =>
        resolve(error === null && valid),
      )
    } catch {
      resolve(false)
    }
  })
}
