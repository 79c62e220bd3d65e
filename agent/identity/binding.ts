import { hash } from 'node:crypto'
import { equalText } from './dpop/equal-text.ts'
import type { DpopVerifier } from './dpop/verifier.ts'
import type { Evidence } from './evidence.ts'
import type { Identity } from './identity.ts'
import type { DenyReason } from './reasons.ts'

/**
 * Whether the request proves the key that its credential is bound to (RFC 8705 section 3, RFC 9449 section 7). Asked at
 * every request, whatever is cached of the credential: the proof belongs to the request, not to the credential.
 * Synchronous, never throws.
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
  // Most often another scheme's: its first letter tells.
  if (authorization === undefined || (authorization.charCodeAt(0) | 0x20) !== 0x64) return undefined
  return /^dpop +([^ ].*)$/is.exec(authorization)?.[1]
}

function sameDigest(token: string, digest: string): boolean {
  return equalText(hash('sha256', Buffer.from(token, 'latin1'), 'base64url'), digest)
}
