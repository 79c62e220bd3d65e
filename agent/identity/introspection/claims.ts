import type { IntrospectionProvider } from '../../config/providers/introspection.ts'
import { confirmationOf } from '../claim-confirmation.ts'
import { judgeRequired, mapRoles } from '../claim-rules.ts'
import { audienceMatches, isDate, isSafeText, names, NOT_NAMES } from '../claim-values.ts'
import { variablesOf } from '../claim-variables.ts'
import { isIdToken, MAX_SUBJECT, scopeClaims, tenantOf } from '../claims.ts'
import { defaults, type ProviderConfig } from '../config.ts'
import { type Identity, identityOf, MAX_NAMES } from '../identity.ts'
import { atPath, freezeJson, type JsonObject } from '../plain-json.ts'
import type { DenyReason } from '../reasons.ts'

/** RFC 6749 section 7.1, RFC 9449 section 5; in small letters. */
const ACCESS_TOKEN_TYPES: ReadonlySet<unknown> = new Set(['bearer', 'dpop'])

/** What servers call tokens that are no access tokens, in members of their own: Ory Hydra `token_use`, Keycloak `typ`. */
const OTHER_USES: ReadonlySet<unknown> = new Set(['refresh', 'refresh_token', 'offline', 'id', 'id_token'])

/** What answers are judged by: the settings of a provider in the terms of signed tokens. */
export interface AnswerRules {
  readonly provider: ProviderConfig
  readonly anyAudience: boolean
  readonly tokenTypeOptional: boolean
}

export function answerRules(name: string, settings: IntrospectionProvider): AnswerRules {
  const { claims, requiredClaims, requiredScopes, tenants, roleMap, keepUnmappedRoles, binding } = settings
  const provider: ProviderConfig = {
    name,
    issuer: settings.issuer,
    audience: settings.audience ?? [],
    algorithms: [],
    clockSkewS: settings.clockSkew / 1000,
    required: settings.required,
    claims: {
      subject: claims.subject ?? defaults.claims.subject,
      tenant: claims.tenant ?? defaults.claims.tenant,
      roles: claims.roles ?? defaults.claims.roles,
      ...(claims.scopes !== undefined && { scopes: claims.scopes }),
      ...(claims.variables !== undefined && { variables: claims.variables }),
    },
    locations: settings.token ?? defaults.locations,
    ...(requiredClaims !== undefined && { requiredClaims }),
    ...(requiredScopes !== undefined && { requiredScopes }),
    ...(tenants !== undefined && { tenants }),
    ...(roleMap !== undefined && { roleMap }),
    ...(keepUnmappedRoles !== undefined && { keepUnmappedRoles }),
    ...(binding === 'required' && { binding }),
  }
  return {
    provider,
    anyAudience: settings.anyAudience === true,
    tokenTypeOptional: settings.tokenTypeOptional,
  }
}

/**
 * Judges what an answer says of a token (RFC 7662 section 2.2), all but its dates against the clock, which change while
 * the answer is remembered: see {@link judgeMoment}. The first rule broken is the reason: active, type, issuer, audience,
 * key binding, dates that are none, what becomes a variable, what the provider requires.
 * @param answer frozen by this
 * @param digest SHA-256 of the token, base64url
 * @param twinDigest of a token that is an ECDSA JWT, under its other signature
 */
export function judgeAnswer(
  answer: JsonObject,
  digest: string,
  rules: AnswerRules,
  twinDigest?: string,
): Identity | DenyReason {
  const { provider } = rules
  if (answer['active'] !== true) return 'inactive'
  const claims = freezeJson(answer)
  if (!isAccessToken(claims, rules.tokenTypeOptional)) return 'typ_mismatch'
  const { iss, aud, exp, nbf, iat, jti, sid } = claims
  if (iss !== undefined && iss !== provider.issuer) return 'unknown_issuer'
  if (!rules.anyAudience) {
    if (aud === undefined) return 'claim_missing'
    const ours = audienceMatches(aud, provider.audience)
    if (ours === undefined) return 'claim_invalid'
    if (!ours) return 'audience_mismatch'
  }
  const confirmation = confirmationOf(claims['cnf'])
  if (typeof confirmation === 'string') return confirmation
  const isBound = confirmation !== undefined
  const isDpop = typeOf(claims) === 'dpop' // bound, says its type
  if ((provider.binding === 'required' || isDpop) && !isBound) return 'binding_missing'
  if (![exp, nbf, iat].every((date) => date === undefined || isDate(date))) return 'claim_invalid'

  const subject = atPath(claims, provider.claims.subject)
  if (subject === undefined || subject === '') return 'claim_missing'
  if (!isSafeText(subject, MAX_SUBJECT)) return 'claim_invalid'
  const tenant = tenantOf(claims, provider.claims.tenant)
  const named = provider.claims.roles.length === 0 ? [] : names([atPath(claims, provider.claims.roles)])
  const scopes = names(scopeClaims(claims, provider.claims.scopes), / +/)
  if (tenant === undefined || named === NOT_NAMES || scopes === NOT_NAMES) return 'claim_invalid'
  const roles = mapRoles(named, provider)
  if (roles.length > MAX_NAMES || scopes.length > MAX_NAMES) return 'claim_invalid'
  const refused = judgeRequired(claims, tenant, provider)
  if (refused !== undefined) return refused
  if (provider.requiredScopes?.every((scope) => scopes.includes(scope)) === false) return 'insufficient_scope'
  return identityOf({
    provider: provider.name,
    method: 'introspection',
    issuer: provider.issuer,
    subject,
    tenant,
    roles,
    scopes,
    claims,
    ...(exp !== undefined && { expiresAt: exp as number }),
    issuedAt: iat as number | undefined,
    credentialId: typeof jti === 'string' ? jti : '',
    session: typeof sid === 'string' ? sid : '',
    digest,
    twinDigest,
    confirmation,
    ...(provider.claims.variables !== undefined && { variables: variablesOf(claims, provider.claims.variables) }),
  })
}

/**
 * The dates of an identity against a clock, as those of signed tokens: `exp` + skew is the first second of being expired,
 * `nbf` and `iat` may lie up to and including the skew ahead.
 * @param nowS seconds since the epoch
 */
export function judgeMoment(identity: Identity, skewS: number, nowS: number): DenyReason | undefined {
  if (nowS >= identity.expiresAt + skewS) return 'expired'
  const nbf = identity.claims['nbf']
  if (typeof nbf === 'number' && nbf > nowS + skewS) return 'not_yet_valid'
  return identity.issuedAt !== undefined && identity.issuedAt > nowS + skewS ? 'issued_in_future' : undefined
}

/**
 * Whether the token is one for calling an API. Servers tell of refresh tokens and ID tokens that they are active, too;
 * what has no `token_type` is, as likely as not, a refresh token (RFC 6749 gives types to access tokens only).
 */
function isAccessToken(claims: JsonObject, typeOptional: boolean): boolean {
  const type = typeOf(claims)
  if (type === undefined ? !typeOptional : !ACCESS_TOKEN_TYPES.has(type)) return false
  return !isIdToken(claims) && ![claims['token_use'], claims['typ']].some((use) => OTHER_USES.has(lower(use)))
}

function typeOf(claims: JsonObject): unknown {
  return lower(claims['token_type'])
}

function lower(value: unknown): unknown {
  return typeof value === 'string' ? value.toLowerCase() : value
}
