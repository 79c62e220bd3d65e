import type { Confirmation } from './identity.ts'
import { isObject } from './plain-json.ts'
import type { DenyReason } from './reasons.ts'

/** SHA-256 in base64url: 43 characters, the last of which has two bits to spare, which are zero. */
const SHA256 = /^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/

const KNOWN: ReadonlySet<string> = new Set(['jkt', 'x5t#S256'])

/**
 * The key that a token is bound to by its `cnf` claim (RFC 7800 section 3): `jkt` of RFC 9449 section 6.1, `x5t#S256` of
 * RFC 8705 section 3.1, or both, and then both must be proven. Undefined when there is no such claim.
 * @returns `binding_missing` when the token is bound in a way that we cannot check: used as a plain bearer token it would
 * be exactly what its issuer meant to prevent
 */
export function confirmationOf(cnf: unknown): Confirmation | undefined | DenyReason {
  if (cnf === undefined) return undefined
  if (!isObject(cnf)) return 'binding_missing'
  const members = Object.keys(cnf)
  if (members.length === 0 || !members.every((member) => KNOWN.has(member))) return 'binding_missing'
  const { jkt, 'x5t#S256': x5t } = cnf
  if (!isThumbprint(jkt) || !isThumbprint(x5t)) return 'claim_invalid'
  return Object.freeze({ ...(jkt !== undefined && { jkt }), ...(x5t !== undefined && { x5t }) })
}

function isThumbprint(value: unknown): value is string | undefined {
  return value === undefined || (typeof value === 'string' && SHA256.test(value))
}
