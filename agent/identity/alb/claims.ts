import { audienceMatches, isDate, isSafeText, names, NOT_NAMES } from '../claim-values.ts'
import { type Identity, identityOf, MAX_NAMES } from '../identity.ts'
import { atPath, freezeJson } from '../plain-json.ts'
import type { DenyReason } from '../reasons.ts'
import { type PaddedJwt, twinDigestOf } from './padded-jwt.ts'

/** What a load balancer's token must say. */
export interface AlbRules {
  /** The provider's name in agent.yaml. */
  readonly provider: string
  /** ARNs of our load balancers. */
  readonly signers: readonly string[]
  /** Client ids of our applications at the issuer. */
  readonly clients: readonly string[]
  readonly issuer: string
  readonly clockSkewMs: number
  readonly claims: {
    readonly subject: readonly string[]
    readonly tenant: readonly string[]
    readonly roles: readonly string[]
  }
}

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** What a token names, once it names ours: still unproven. */
export interface Named {
  /** A UUID: fit for a URL. */
  readonly kid: string
  /** One of ours. */
  readonly signer: string
}

/**
 * Judges the header before any key is looked for. Everybody who has an account with AWS can have a load balancer that
 * signs what he likes with keys of the same place: what tells ours from theirs is `signer` alone ("ALBeast"), and the
 * load balancer signs the header too.
 */
export function judgeHeader({ header, alg }: PaddedJwt, rules: AlbRules): Named | DenyReason {
  if (alg !== 'ES256') return 'alg_not_allowed'
  const { kid, signer, client, iss } = header
  if (signer === undefined || client === undefined || iss === undefined) return 'claim_missing'
  if (typeof signer !== 'string' || !rules.signers.includes(signer)) return 'unknown_issuer'
  if (iss !== rules.issuer) return 'unknown_issuer'
  if (!audienceMatches(client, rules.clients)) return 'audience_mismatch'
  return typeof kid === 'string' && UUID.test(kid) ? { kid, signer } : 'malformed_token'
}

/**
 * Judges the claims of a token whose signature is proven. The shorter of the two lives counts: header and payload both
 * have an `exp`.
 * @param digest SHA-256 of the token, base64url
 */
export function judgePayload(token: PaddedJwt, digest: string, rules: AlbRules, nowMs: number): Identity | DenyReason {
  const { iss, exp, iat } = token.payload
  const headerExp = token.header['exp'] ?? exp
  if (exp === undefined) return 'claim_missing'
  if (!isDate(exp) || !isDate(headerExp) || (iat !== undefined && !isDate(iat))) return 'claim_invalid'
  const expiresAt = Math.min(exp, headerExp)
  if (nowMs >= expiresAt * 1000 + rules.clockSkewMs) return 'expired'
  if (iat !== undefined && iat * 1000 > nowMs + rules.clockSkewMs) return 'issued_in_future'
  if (iss !== rules.issuer) return 'unknown_issuer'

  const claims = freezeJson(token.payload)
  const subject = atPath(claims, rules.claims.subject)
  if (subject === undefined || subject === '') return 'claim_missing'
  const tenant = atPath(claims, rules.claims.tenant) ?? ''
  const roles = names([atPath(claims, rules.claims.roles)])
  if (!isSafeText(subject, 1024) || roles === NOT_NAMES || roles.length > MAX_NAMES) return 'claim_invalid'
  if (tenant !== '' && !isSafeText(tenant, 256)) return 'claim_invalid'
  return identityOf({
    provider: rules.provider,
    method: 'jwt',
    issuer: rules.issuer,
    subject,
    tenant,
    roles,
    claims,
    expiresAt,
    issuedAt: iat,
    digest,
    twinDigest: twinDigestOf(token),
  })
}
