import { verify, type VerifyKeyObjectInput } from 'node:crypto'
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
  if (algorithm === undefined || !key.algorithms.includes(token.alg)) return false
  if (algorithm.signatureBytes !== undefined && token.signature.length !== algorithm.signatureBytes) return false
  const input = keyInput(algorithm, key)
  return isQuick(token.alg, key) ? verifyNow(token, algorithm, input) : verifyInPool(token, algorithm, input)
}

/** Whether {@link verifySignature} answers at once. */
export function isQuick(alg: string, key: VerificationKey): boolean {
  const curve = algorithms.get(alg)?.curve
  return curve === undefined ? key.modulusBits <= MAX_SYNC_MODULUS_BITS : curve === 'P-256' || curve === 'Ed25519'
}

function keyInput(algorithm: Algorithm, key: VerificationKey): VerifyKeyObjectInput {
  const input: VerifyKeyObjectInput = { key: key.keyObject }
  if (algorithm.padding !== undefined) input.padding = algorithm.padding
  if (algorithm.saltLength !== undefined) input.saltLength = algorithm.saltLength
  if (algorithm.dsaEncoding !== undefined) input.dsaEncoding = algorithm.dsaEncoding
  return input
}

function verifyNow(token: StrictJwt, algorithm: Algorithm, key: VerifyKeyObjectInput): boolean {
  try {
    return verify(algorithm.hash, token.signingInput, key, token.signature)
  } catch {
    return false
  }
}

function verifyInPool(token: StrictJwt, algorithm: Algorithm, key: VerifyKeyObjectInput): Promise<boolean> {
  return new Promise((resolve) => {
    try {
      verify(algorithm.hash, token.signingInput, key, token.signature, (error, valid) => resolve(error === null && valid))
    } catch {
      resolve(false)
    }
  })
}
