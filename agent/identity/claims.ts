import { confirmationOf } from './claim-confirmation.ts'
import { judgeRequired, mapRoles } from './claim-rules.ts'
import { variablesOf } from './claim-variables.ts'
import type { ProviderConfig } from './config.ts'
import { type Identity, type KeyAge, MAX_NAMES, NOTHING } from './identity.ts'
import { atPath, type JsonObject } from './plain-json.ts'
import type { DenyReason } from './reasons.ts'
import { mediaType } from './strict-jwt.ts'
import { TokenIdentity } from './token-identity.ts'
import { audienceMatches, isDate, isSafeText, names, NOT_NAMES } from './claim-values.ts'

/** Bytes of UTF-8. */
export const MAX_SUBJECT = 1024
const MAX_TENANT = 256
const AUDIENCE: readonly string[] = ['aud']

/** `typ` accepted where the provider does not say: RFC 7519 section 5.1, RFC 9068 section 2.1. */
const DEFAULT_TYP: readonly string[] = ['at+jwt', 'JWT', 'jwt']

/** What the rules need of a token whose signature is proven. */
export interface SignedClaims {
  readonly typ: string | undefined
  readonly payload: JsonObject
  /** The same as text, to be parsed again; absent where there is none. */
  readonly text?: string | undefined
  readonly alg?: string
  readonly kid?: string | undefined
}

/**
 * Judges the claims of a token whose signature is proven and normalises them. The first rule broken, in this order, is
 * the reason: typ, dates, lifetime, audience, kind of token, binding, what becomes a variable, then what the provider
 * requires: tenants, claims, scopes. A bound token is accepted as to its claims; that the request proves the key
 * (`identity.confirmation`) is checked for every request afterwards.
 * @param digest of the token, from `tokenDigest`
 * @param nowS seconds since the epoch
 * @param twin digest of the token under its other signature, from `twinDigest`
 * @param keys that proved it
 */
export function judgeClaims(
  token: SignedClaims,
  digest: string,
  provider: ProviderConfig,
  nowS: number,
  twin?: string,
  keys?: KeyAge,
): Identity | DenyReason {
  const { payload } = token
  if (!typAccepted(token.typ, provider.typ)) return 'typ_mismatch'
  if (payload['iss'] !== provider.issuer) return 'unknown_issuer'
  const late = judgeDates(payload, provider, nowS)
  if (late !== undefined) return late
  const aud = atPath(payload, provider.audienceClaim ?? AUDIENCE)
  if (aud === undefined) return 'claim_missing'
  const ours = audienceMatches(aud, provider.audience)
  if (ours === undefined) return 'claim_invalid'
  if (!ours) return 'audience_mismatch'
  if (provider.allowIdToken !== true && isIdToken(payload)) return 'typ_mismatch'
  const confirmation = confirmationOf(payload['cnf'])
  if (typeof confirmation === 'string') return confirmation
  if (provider.binding === 'required' && confirmation === undefined) return 'binding_missing'

  const { subject: subjectPath, tenant: tenantPath, roles: rolesPath, scopes: scopesPath, variables } = provider.claims
  const subject = atPath(payload, subjectPath)
  if (subject === undefined || subject === '') return 'claim_missing'
  if (!isSafeText(subject, MAX_SUBJECT)) return 'claim_invalid'
  const tenant = tenantOf(payload, tenantPath)
  const named = rolesPath.length === 0 ? [] : names([atPath(payload, rolesPath)])
  const scopes = names(scopeClaims(payload, scopesPath), ' ')
  if (tenant === undefined || named === NOT_NAMES || scopes === NOT_NAMES) return 'claim_invalid'
  const roles = mapRoles(named, provider)
  if (roles.length > MAX_NAMES || scopes.length > MAX_NAMES) return 'claim_invalid'
  const refused = judgeRequired(payload, tenant, provider)
  if (refused !== undefined) return refused
  if (provider.requiredScopes?.every((scope) => scopes.includes(scope)) === false) return 'insufficient_scope'
  const { exp, iat, jti, sid } = payload
  return new TokenIdentity(
    {
      provider: provider.name,
      issuer: provider.issuer,
      subject,
      tenant,
      roles,
      scopes,
      expiresAt: exp as number,
      issuedAt: iat as number | undefined,
      credentialId: typeof jti === 'string' ? jti : '',
      session: typeof sid === 'string' ? sid : '',
      confirmation,
      variables: variables === undefined ? NOTHING : variablesOf(payload, variables),
      algorithm: token.alg,
      keyId: token.kid,
    },
    token.text ?? payload,
    digest,
    twin,
    keys,
  )
}

/**
 * The dates of a token against a clock: `exp` + skew is the first second of being expired, `nbf` and `iat` may lie up to
 * and including the skew ahead (RFC 7519 sections 4.1.4 to 4.1.6).
 */
export function judgeDates(payload: JsonObject, provider: ProviderConfig, nowS: number): DenyReason | undefined {
  const { exp, nbf, iat } = payload as { exp?: unknown; nbf?: unknown; iat?: unknown }
  const skew = provider.clockSkewS
  if (exp === undefined) return 'claim_missing'
  if (!isDate(exp) || (nbf !== undefined && !isDate(nbf)) || (iat !== undefined && !isDate(iat))) return 'claim_invalid'
  if (nowS >= exp + skew) return 'expired'
  if (nbf !== undefined && nbf > nowS + skew) return 'not_yet_valid'
  if (iat !== undefined && iat > nowS + skew) return 'issued_in_future'
  if (provider.maxLifetimeS === undefined) return undefined
  if (iat === undefined) return 'claim_missing' // a lifetime that cannot be known is not within bounds
  return exp - iat > provider.maxLifetimeS ? 'lifetime_too_long' : undefined
}

/** RFC 9068 section 4, RFC 8725 section 3.11: a token made for another purpose must not pass for an access token. */
function typAccepted(typ: string | undefined, configured: readonly string[] | undefined): boolean {
  if (configured === undefined) {
    // Most providers write it as it stands in the list.
    return typ === undefined || DEFAULT_TYP.includes(typ) || DEFAULT_TYP.includes(mediaType(typ))
  }
  return typ !== undefined && configured.some((accepted) => mediaType(accepted) === mediaType(typ))
}

/** Claims that only ID tokens carry (OpenID Connect Core sections 2 and 3.3.2.11), and Cognito's way to say so. */
export function isIdToken(payload: JsonObject): boolean {
  const { nonce, at_hash, c_hash, token_use } = payload
  return nonce !== undefined || at_hash !== undefined || c_hash !== undefined || token_use === 'id'
}

/** Undefined when the claim is there and unfit; '' when it is absent. Some providers number their tenants. */
export function tenantOf(claims: JsonObject, path: readonly string[]): string | undefined {
  const value = path.length === 0 ? undefined : atPath(claims, path)
  if (value === undefined || value === null || value === '') return ''
  if (typeof value === 'number' && Number.isSafeInteger(value)) return String(value)
  return isSafeText(value, MAX_TENANT) ? value : undefined
}

/** RFC 9068 section 2.2.3 has `scope`; Okta and Entra send `scp`. */
export function scopeClaims(claims: JsonObject, path: readonly string[] | undefined): unknown[] {
  return path === undefined ? [claims['scope'], claims['scp']] : [atPath(claims, path)]
}
