import { verify } from 'node:crypto'
import { algorithms } from '../algorithms.ts'
import { publicMembers, thumbprintOf, vetted, type VerificationKey } from '../jwk.ts'
import { Lru } from '../lru.ts'
import type { Proof } from './proof.ts'

/**
 * RFC 9449 section 4.2 wants asymmetric algorithms. P-384 and P-521 (7 and 13 times the time of P-256) and RSA beyond 3072
 * bits are left out: clients choose these keys, and checking is done at once, between the frames of others.
 */
export const REFUSED_ALGORITHMS: ReadonlySet<string> = new Set(['ES384', 'ES512'])
const MAX_MODULUS_BITS = 3072

const KEYS = { maxEntries: 10_000, maxBytes: 64 * 1024 * 1024 }
/** Bytes that a key takes, roughly. */
const KEY_BYTES = 2048

/** RFC 7638 thumbprint of the key in a proof; undefined when there is none. */
export function thumbprintIn(proof: Proof): string | undefined {
  try {
    const { jwk } = proof
    return thumbprintOf(publicMembers(jwk['kty'], jwk))
  } catch {
    return undefined // not a public key that we know
  }
}

/** The keys of clients, imported once. A key enters only when a genuine token names its thumbprint. */
export class ProofKeys {
  readonly #keys = new Lru<VerificationKey>(KEYS)

  /**
   * Whether the key in the proof made its signature. Never throws.
   * @param thumbprint from {@link thumbprintIn}
   */
  verifies(proof: Proof, thumbprint: string): boolean {
    const key = this.#keyOf(proof, thumbprint)
    const algorithm = algorithms.get(proof.alg)
    const verifier = key?.verifiers.get(proof.alg)
    if (algorithm === undefined || verifier === undefined) return false
    if (algorithm.signatureBytes !== undefined && proof.signature.length !== algorithm.signatureBytes) return false
    try {
      return verify(algorithm.hash, proof.signingInput, verifier, proof.signature)
    } catch {
      return false // a signature that OpenSSL cannot read
    }
  }

  #keyOf({ alg, jwk }: Proof, thumbprint: string): VerificationKey | undefined {
    if (REFUSED_ALGORITHMS.has(alg)) return undefined
    // Another `alg`, or a member that makes the key private, is another document: it is vetted, not looked up.
    const plain = Object.keys(jwk).every((name) => PUBLIC_MEMBERS.has(name))
    const id = `${alg}:${thumbprint}`
    const known = plain ? this.#keys.get(id) : undefined
    if (known !== undefined) return known
    try {
      const key = vetted({ alg, ...jwk })
      if (key.modulusBits > MAX_MODULUS_BITS) return undefined
      if (plain) this.#keys.set(id, key, KEY_BYTES)
      return key
    } catch {
      return undefined // refused, private members for example
    }
  }
}

/** What the thumbprint covers; a key with nothing else is known by it. */
const PUBLIC_MEMBERS: ReadonlySet<string> = new Set(['kty', 'crv', 'x', 'y', 'n', 'e'])
