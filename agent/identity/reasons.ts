/**
 * How a denial is presented in WWW-Authenticate (RFC 6750 section 3): `bare` names the scheme only, because a request
 * without credentials must not be told of an error (section 3.1); `none` sends no header at all.
 */
export type ChallengeForm =
  | 'none'
  | 'bare'
  | 'invalid_request'
  | 'invalid_token'
  | 'insufficient_scope'
  // RFC 9449 section 7.1: of the scheme DPoP.
  | 'invalid_dpop_proof'
  | 'use_dpop_nonce'

export interface ReasonRow {
  /** HTTP status HAProxy answers with; 503 and 429 go with Retry-After. */
  readonly status: 400 | 401 | 403 | 429 | 503
  readonly challenge: ChallengeForm
  /** `error_description`: for the client's developer. Never holds bytes of the request. No `"` and no `\` (RFC 6750). */
  readonly description: string
  /** For the operator: what to look at. */
  readonly hint: string
}

/**
 * Every reason for which a request is refused: the variable `reason`, the metric label, the audit field, what `explain`
 * and the docs print. Names are stable: add, never rename. 503 means "we cannot tell", and is never confused with 401.
 */
export const reasons = {
  no_credentials: {
    status: 401,
    challenge: 'bare',
    description: 'A credential is required',
    hint: 'The request carries none of the credentials that the rule takes, at none of the places where its providers look.',
  },
  multiple_credentials: {
    status: 400,
    challenge: 'invalid_request',
    description: 'More than one credential was sent',
    hint: 'Send one credential, once: of two Authorization headers, or a header and a cookie, servers choose differently.',
  },
  malformed_token: {
    status: 400,
    challenge: 'invalid_request',
    description: 'The token is malformed',
    hint: 'Not a strict compact JWS: check base64url without padding, unique JSON keys, and headers such as crit, zip, jwk, jku, x5u, x5c, b64.',
  },
  token_too_large: {
    status: 400,
    challenge: 'invalid_request',
    description: 'The token is too large',
    hint: 'Tokens over 8192 bytes are refused: have the provider leave out large claims such as group lists.',
  },
  signature_invalid: {
    status: 401,
    challenge: 'invalid_token',
    description: 'The token signature is invalid',
    hint: 'The key named by the token did not make this signature: a forgery, or a token of another environment.',
  },
  alg_not_allowed: {
    status: 401,
    challenge: 'invalid_token',
    description: 'The token algorithm is not allowed',
    hint: 'Compare the header alg of the token with the algorithms of the provider and the type of its key.',
  },
  unknown_key: {
    status: 401,
    challenge: 'invalid_token',
    description: 'The token was signed by an unknown key',
    hint: 'The kid of the token is not in the published key set, which was fetched again if it was not just now.',
  },
  unknown_issuer: {
    status: 401,
    challenge: 'invalid_token',
    description: 'The token issuer is not accepted here',
    hint: 'The iss claim must equal, character by character, the issuer of a provider that the rule allows.',
  },
  expired: {
    status: 401,
    challenge: 'invalid_token',
    description: 'The token has expired',
    hint: 'exp plus the allowed clock skew has passed: the client should refresh its token; check both clocks.',
  },
  not_yet_valid: {
    status: 401,
    challenge: 'invalid_token',
    description: 'The token is not valid yet',
    hint: 'nbf lies further ahead than the allowed clock skew: check the clocks of the provider and of this machine.',
  },
  issued_in_future: {
    status: 401,
    challenge: 'invalid_token',
    description: 'The token was issued in the future',
    hint: 'iat lies further ahead than the allowed clock skew: check the clocks of the provider and of this machine.',
  },
  lifetime_too_long: {
    status: 401,
    challenge: 'invalid_token',
    description: 'The token lives longer than allowed',
    hint: 'exp minus iat exceeds the maximum lifetime of the provider.',
  },
  audience_mismatch: {
    status: 401,
    challenge: 'invalid_token',
    description: 'The token is meant for another audience',
    hint: 'No aud value equals an audience of the provider: the client asked for a token for another API.',
  },
  typ_mismatch: {
    status: 401,
    challenge: 'invalid_token',
    description: 'The token is of another type',
    hint: 'The header typ is not accepted, or this is an ID token (nonce, at_hash, token_use): send the access token.',
  },
  claim_missing: {
    status: 401,
    challenge: 'invalid_token',
    description: 'The token lacks a required claim',
    hint: 'iss, exp, aud and the subject are required, iat too where a maximum lifetime is set.',
  },
  claim_invalid: {
    status: 401,
    challenge: 'invalid_token',
    description: 'A claim of the token is invalid',
    hint: 'A claim has the wrong type, is out of range or too long, or holds control characters.',
  },
  binding_missing: {
    status: 401,
    challenge: 'invalid_token',
    description: 'The token is bound to a key that was not proven',
    hint: 'The token has a cnf claim (RFC 8705, RFC 9449): it must not be used as a plain bearer token.',
  },
  binding_mismatch: {
    status: 401,
    challenge: 'invalid_token',
    description: 'The token is bound to another key',
    hint: 'The client certificate or proof differs from the one the token was issued to.',
  },
  revoked: {
    status: 401,
    challenge: 'invalid_token',
    description: 'The token has been revoked',
    hint: 'A revocation entry names this token, its subject or its session.',
  },
  inactive: {
    status: 401,
    challenge: 'invalid_token',
    description: 'The token is not active',
    hint: 'The authorization server says that the token is not, or no longer, active (RFC 7662), or forward-auth refused the session.',
  },
  replayed: {
    status: 401,
    challenge: 'invalid_token',
    description: 'The credential was used before',
    hint: 'A one-time credential (a webhook delivery, a presigned request) came a second time.',
  },
  dpop_missing: {
    status: 401,
    challenge: 'invalid_dpop_proof',
    description: 'A DPoP proof is required',
    hint: 'The token is bound to a key (cnf.jkt): it goes with "Authorization: DPoP" and a DPoP header, which spoe.conf has to send.',
  },
  dpop_invalid: {
    status: 401,
    challenge: 'invalid_dpop_proof',
    description: 'The DPoP proof is invalid',
    hint: 'Check htm, htu (publicBaseUrl of the provider), iat, ath and the signature of the proof (RFC 9449 section 4.3).',
  },
  dpop_replayed: {
    status: 401,
    challenge: 'invalid_dpop_proof',
    description: 'The DPoP proof was used before',
    hint: 'Each request needs a proof of its own with a fresh jti.',
  },
  dpop_nonce_required: {
    status: 401,
    challenge: 'use_dpop_nonce',
    description: 'A nonce is required in the DPoP proof',
    hint: 'Clients try again with the nonce of the DPoP-Nonce header (RFC 9449 section 9).',
  },
  body_truncated: {
    status: 400,
    challenge: 'none',
    description: 'The body did not arrive whole',
    hint: 'A signature covers the whole body: wait for it (http-request wait-for-body) and raise tune.bufsize and max-frame-size.',
  },
  ambiguous_host: {
    status: 400,
    challenge: 'none',
    description: 'The host is ambiguous',
    hint: 'The Host header is no plain name with an optional port, or is missing although rules tell hosts apart.',
  },
  ambiguous_path: {
    status: 400,
    challenge: 'none',
    description: 'The path is ambiguous',
    hint: 'Dot segments, semicolons, encoded slashes, backslashes, control characters and broken escapes are refused: servers disagree about what they mean.',
  },
  client_cert_required: {
    status: 403,
    challenge: 'none',
    description: 'A client certificate is required',
    hint: 'The connection came without a client certificate: bind with "verify optional ca-file ...", and send ssl_c_der in spoe.conf.',
  },
  client_cert_untrusted: {
    status: 403,
    challenge: 'none',
    description: 'The client certificate is not trusted',
    hint: 'HAProxy could not verify the chain (ssl_c_verify is not 0): compare ca-file with the issuer of the certificate.',
  },
  client_cert_expired: {
    status: 403,
    challenge: 'none',
    description: 'The client certificate is not within its dates',
    hint: 'notBefore or notAfter of the certificate excludes this moment; resumed TLS sessions outlive certificates.',
  },
  client_cert_not_allowed: {
    status: 403,
    challenge: 'none',
    description: 'The client certificate names no accepted caller',
    hint: 'The name source of the provider (uri, dns, email, cn, dn, x5t) gives none, several, or one outside the allowed ones.',
  },
  insufficient_scope: {
    status: 403,
    challenge: 'insufficient_scope',
    description: 'The token lacks a required scope',
    hint: 'The rule requires a scope that the token does not carry.',
  },
  policy_denied: {
    status: 403,
    challenge: 'none',
    description: 'Denied by policy',
    hint: 'The named rule refuses this identity: run explain with the same request.',
  },
  policy_error: {
    status: 403,
    challenge: 'none',
    description: 'Denied by policy',
    hint: 'A condition of the named rule failed to evaluate, often for a claim that is absent: guard it with has().',
  },
  default_denied: {
    status: 403,
    challenge: 'none',
    description: 'Denied by default',
    hint: 'No rule matched the request, and the default is to deny.',
  },
  rate_limited: {
    status: 429,
    challenge: 'none',
    description: 'Too many requests',
    hint: 'The caller exceeded its rate.',
  },
  keys_unavailable: {
    status: 503,
    challenge: 'none',
    description: 'Tokens cannot be verified now',
    hint: 'No usable keys of the provider: see lastError in its status; check issuer, jwksUri, network and CA.',
  },
  introspection_unavailable: {
    status: 503,
    challenge: 'none',
    description: 'Tokens cannot be checked now',
    hint: 'The introspection endpoint did not answer: see lastError in /status; check URL, client credentials, network and CA.',
  },
  sts_unavailable: {
    status: 503,
    challenge: 'none',
    description: 'AWS identities cannot be checked now',
    hint: 'AWS STS did not answer or throttles: see lastError in /status; check the network and the proxy.',
  },
  forward_auth_unavailable: {
    status: 503,
    challenge: 'none',
    description: 'Sessions cannot be checked now',
    hint: 'The forward-auth server did not answer: see lastError in /status.',
  },
  secrets_unavailable: {
    status: 503,
    challenge: 'none',
    description: 'Credentials cannot be checked now',
    hint: 'A file of keys or secrets cannot be read: see lastError in /status.',
  },
  revocation_unavailable: {
    status: 503,
    challenge: 'none',
    description: 'Revocations cannot be checked now',
    hint: 'The list of revocations could not be read for too long: see lastError in /status, or set onUnavailable.',
  },
  overload: {
    status: 503,
    challenge: 'none',
    description: 'Too busy',
    hint: 'Too much work was waiting: add agent processes or find out who floods them.',
  },
  timeout: {
    status: 503,
    challenge: 'none',
    description: 'The decision took too long',
    hint: 'The deadline passed, often while keys of a slow provider were fetched.',
  },
  internal_error: {
    status: 503,
    challenge: 'none',
    description: 'Internal error',
    hint: 'A defect of the agent: its log names the place.',
  },
} as const satisfies Record<string, ReasonRow>

export type DenyReason = keyof typeof reasons

/** A refusal, as the authenticator gives it. */
export interface Denied {
  readonly ok: false
  readonly reason: DenyReason
}

/** All reasons in the order of the table. */
export const denyReasons: readonly DenyReason[] = Object.freeze(Object.keys(reasons) as DenyReason[])

const results = Object.fromEntries(
  denyReasons.map((reason) => [reason, Object.freeze({ ok: false, reason })]),
) as Record<DenyReason, Denied>

/** The one frozen result object of a reason, so that refusing allocates nothing. */
export function denied(reason: DenyReason): Denied {
  return results[reason]
}

export interface ChallengeOptions {
  /** Protection space (RFC 9110 section 11.5). */
  readonly realm: string
  /** Scopes the rule requires, separated by spaces; told only with `insufficient_scope` and `no_credentials`. */
  readonly scope?: string
  /** URL of the protected resource metadata (RFC 9728 section 5.1); told with every 401. */
  readonly resourceMetadata?: string | undefined
}

/**
 * Value of WWW-Authenticate for a reason (RFC 6750 section 3), or '' where none belongs. Printable ASCII only: whatever
 * realm and scope hold, the value can neither end its quotes nor split a header.
 */
export function challenge(reason: DenyReason, options: ChallengeOptions): string {
  const { challenge: form, description } = reasons[reason]
  if (form === 'none') return ''
  const scheme = form === 'invalid_dpop_proof' || form === 'use_dpop_nonce' ? 'DPoP' : 'Bearer'
  let value = `${scheme} realm=${quoted(options.realm)}`
  if (form !== 'bare') value += `, error="${form}", error_description="${description}"`
  if (options.resourceMetadata !== undefined && reasons[reason].status === 401) {
    value += `, resource_metadata=${quoted(options.resourceMetadata)}`
  }
  const scope = form === 'bare' || form === 'insufficient_scope' ? scopeValue(options.scope ?? '') : ''
  return scope === '' ? value : `${value}, scope="${scope}"`
}

/** quoted-string of RFC 9110 section 5.6.4, without the characters that some parsers of it get wrong. */
function quoted(text: string): string {
  return `"${text.replace(/[^\x20-\x7e]/g, '').replace(/["\\]/g, '\\$&')}"`
}

/** scope-token of RFC 6749 section 3.3: no quote, no backslash. */
function scopeValue(scope: string): string {
  return scope.replace(/[^\x20\x21\x23-\x5b\x5d-\x7e]/g, '').trim()
}
