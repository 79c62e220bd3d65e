import { hash, randomBytes } from 'node:crypto'
import { Secret } from '../secrets/secret.ts'
import type { RequestCheck } from './conclusion.ts'
import type { ProviderConfig } from './config.ts'
import { equalText } from './dpop/equal-text.ts'
import type { NonceSecret } from './dpop/nonce.ts'
import { createDpopVerifier, type DpopVerifier } from './dpop/verifier.ts'
import type { Evidence } from './evidence.ts'
import type { Identity } from './identity.ts'
import type { DenyReason } from './reasons.ts'

export interface BindingOptions {
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** For nonces, shared by all agent processes behind one address; without one each process has its own. */
  readonly nonceSecret?: NonceSecret
}

/** Key binding for all providers. */
export interface Binding {
  /** {@link checkBinding} with the verifier of the provider that knew the caller. */
  readonly check: RequestCheck
  /** By provider; only those that take DPoP proofs. */
  readonly verifiers: ReadonlyMap<string, DpopVerifier>
  /** For the header DPoP-Nonce, the same for every provider; undefined where none wants nonces. */
  currentNonce(): string | undefined
}

/** @param providers by their names, of which several may be one provider's */
export function createBinding(
  providers: readonly Pick<ProviderConfig, 'name' | 'dpop'>[],
  { now, nonceSecret = { current: new Secret(randomBytes(32).toString('base64url')) } }: BindingOptions,
): Binding {
  const verifiers = new Map<string, DpopVerifier>()
  for (const { name, dpop } of providers) {
    if (dpop !== undefined && !verifiers.has(name))
      verifiers.set(name, createDpopVerifier({ ...dpop, nonceSecret, now }))
  }
  const nonces = [...verifiers.values()].find((verifier) => verifier.currentNonce() !== undefined)
  return {
    check: (identity, evidence) => checkBinding(identity, evidence, verifiers.get(identity.provider)),
    verifiers,
    currentNonce: () => nonces?.currentNonce(),
  }
}

/**
 * Whether the request proves the key that its credential is bound to (RFC 8705 section 3, RFC 9449 section 7). Asked at
 * every request, whatever is cached of the credential: the proof belongs to the request, not to the credential. Since a
 * DPoP proof is used up by it, ask once. Synchronous, never throws.
 * @param dpop of the provider that knew the credential; undefined where it takes no proofs
 * @returns why the request must be refused; undefined when nothing is wrong
 */
export function checkBinding(
  identity: Identity,
  evidence: Evidence,
  dpop: DpopVerifier | undefined,
): DenyReason | undefined {
  const { confirmation } = identity
  const token = dpopToken(evidence.authorization)
  if (confirmation === undefined) {
    // RFC 9449 section 7.1: a plain token does not become a bound one by the scheme it is sent with.
    return token !== undefined && sameDigest(token, identity.digest) ? 'dpop_invalid' : undefined
  }
  const { x5t, jkt } = confirmation
  // Bound to a key in some way that we do not know: then nobody can prove it to us.
  if (x5t === undefined && jkt === undefined) return 'binding_missing'
  if (x5t !== undefined) {
    const reason = checkCertificate(x5t, evidence)
    if (reason !== undefined) return reason
  }
  if (jkt === undefined) return undefined
  if (dpop === undefined) return 'binding_missing'
  // RFC 9449 section 7.2: sent as a bearer token, or at another place, it is refused even with a proof beside it.
  if (token === undefined) return 'dpop_missing'
  return sameDigest(token, identity.digest) ? dpop.verify(identity, evidence) : 'dpop_invalid'
}

function checkCertificate(x5t: string, { certificate }: Evidence): DenyReason | undefined {
  // Without a verified chain RFC 8705 section 2.2 may still bind tokens; we do not, so that one rule fits all.
  if (certificate === undefined || certificate.verify !== 0) return 'binding_missing'
  return equalText(hash('sha256', certificate.der, 'base64url'), x5t) ? undefined : 'binding_mismatch'
}

/** What follows the scheme DPoP, in any case; undefined when the field begins otherwise. */
function dpopToken(authorization: string | undefined): string | undefined {
  if (authorization === undefined) return undefined
  return /^dpop +([^ ].*)$/is.exec(authorization)?.[1]
}

function sameDigest(token: string, digest: string): boolean {
  return equalText(hash('sha256', Buffer.from(token, 'latin1'), 'base64url'), digest)
}
