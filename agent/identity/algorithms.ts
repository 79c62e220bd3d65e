import { constants } from 'node:crypto'

/** How node:crypto verifies one JWS algorithm (RFC 7518 section 3.1, RFC 8037, RFC 9864). */
export interface Algorithm {
  readonly keyType: 'RSA' | 'EC' | 'OKP'
  /** Curve that the algorithm demands of its key; RSA has none. */
  readonly curve?: string
  /** Digest; null where the signature scheme brings its own. */
  readonly hash: 'sha256' | 'sha384' | 'sha512' | null
  /** Bytes of a signature where the algorithm fixes them (RFC 7518 section 3.4, RFC 8032 section 5.1.6). */
  readonly signatureBytes?: number
  readonly padding?: number
  readonly saltLength?: number
  readonly dsaEncoding?: 'ieee-p1363'
}

function rsa(hash: 'sha256' | 'sha384' | 'sha512'): Algorithm {
  return { keyType: 'RSA', hash, padding: constants.RSA_PKCS1_PADDING }
}

function pss(hash: 'sha256' | 'sha384' | 'sha512'): Algorithm {
  // RFC 7518 section 3.5: the salt is as long as the digest, so a salt of any other length is not accepted.
  return {
    keyType: 'RSA',
    hash,
    padding: constants.RSA_PKCS1_PSS_PADDING,
    saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
  }
}

function ecdsa(curve: string, hash: 'sha256' | 'sha384' | 'sha512', signatureBytes: number): Algorithm {
  return { keyType: 'EC', curve, hash, signatureBytes, dsaEncoding: 'ieee-p1363' }
}

const ed25519: Algorithm = { keyType: 'OKP', curve: 'Ed25519', hash: null, signatureBytes: 64 }

/**
 * The algorithms a provider may allow: asymmetric ones only. A shared secret would let every verifier sign, and a public
 * key taken for one is the oldest attack on JWT (RFC 8725 section 3.1).
 */
export const algorithms: ReadonlyMap<string, Algorithm> = new Map([
  ['RS256', rsa('sha256')],
  ['RS384', rsa('sha384')],
  ['RS512', rsa('sha512')],
  ['PS256', pss('sha256')],
  ['PS384', pss('sha384')],
  ['PS512', pss('sha512')],
  ['ES256', ecdsa('P-256', 'sha256', 64)],
  ['ES384', ecdsa('P-384', 'sha384', 96)],
  ['ES512', ecdsa('P-521', 'sha512', 132)],
  ['EdDSA', ed25519],
  ['Ed25519', ed25519],
])

/** Names of the algorithms that a key of this type and curve can verify. */
export function algorithmsOf(keyType: string, curve: string | undefined): string[] {
  const names: string[] = []
  for (const [name, algorithm] of algorithms) {
    if (algorithm.keyType === keyType && algorithm.curve === curve) names.push(name)
  }
  return names
}
