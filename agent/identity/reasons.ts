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
  readonly status: 302 | 400 | 401 | 403 | 429 | 503
  readonly challenge: ChallengeForm
  /** `error_description`: for the client's developer. Never holds bytes of the request. No `"` and no `\` (RFC 6750). */
  readonly description: string
  /** For the operator: what to look at. */
  readonly hint: string
  /** Where more is told: a page and a heading of it, under docs/. */
  readonly doc: `${string}.md#${string}`
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
    doc: 'identity/README.md#who-may-call',
  },
  multiple_credentials: {
    status: 400,
    challenge: 'invalid_request',
    description: 'More than one credential was sent',
    hint: 'Send one credential, once: of two Authorization headers, or a header and a cookie, servers choose differently.',
    doc: 'identity/README.md#who-may-call',
  },
  malformed_token: {
    status: 400,
    challenge: 'invalid_request',
    description: 'The token is malformed',
    hint: 'Not a strict compact JWS: check base64url without padding, unique JSON keys, and headers such as crit, zip, jwk, jku, x5u, x5c, b64.',
    doc: 'identity/presets.md#what-is-checked',
  },
  token_too_large: {
    status: 400,
    challenge: 'invalid_request',
    description: 'The token is too large',
    hint: 'Tokens over 8192 bytes are refused: have the provider leave out large claims such as group lists.',
    doc: 'identity/presets.md#what-is-checked',
  },
  signature_invalid: {
    status: 401,
    challenge: 'invalid_token',
    description: 'The token signature is invalid',
    hint: 'The key named by the token did not make this signature: a forgery, or a token of another environment.',
    doc: 'identity/presets.md#what-is-checked',
  },
  alg_not_allowed: {
    status: 401,
    challenge: 'invalid_token',
    description: 'The token algorithm is not allowed',
    hint: 'Compare the header alg of the token with the algorithms of the provider and the type of its key.',
    doc: 'identity/presets.md#what-is-checked',
  },
  unknown_key: {
    status: 401,
    challenge: 'invalid_token',
    description: 'The token was signed by an unknown key',
    hint: 'The kid of the token is not in the published key set, which was fetched again if it was not just now.',
    doc: 'identity/keys.md#how-keys-are-fetched',
  },
  unknown_issuer: {
    status: 401,
    challenge: 'invalid_token',
    description: 'The token issuer is not accepted here',
    hint: 'The iss claim must equal, character by character, the issuer of a provider that the rule allows.',
    doc: 'identity/presets.md#what-is-checked',
  },
  expired: {
    status: 401,
    challenge: 'invalid_token',
    description: 'The token has expired',
    hint: 'exp plus the allowed clock skew has passed: the client should refresh its token; check both clocks.',
    doc: 'identity/presets.md#what-is-checked',
  },
  not_yet_valid: {
    status: 401,
    challenge: 'invalid_token',
    description: 'The token is not valid yet',
    hint: 'nbf lies further ahead than the allowed clock skew: check the clocks of the provider and of this machine.',
    doc: 'identity/presets.md#what-is-checked',
  },
  issued_in_future: {
    status: 401,
    challenge: 'invalid_token',
    description: 'The token was issued in the future',
    hint: 'iat lies further ahead than the allowed clock skew: check the clocks of the provider and of this machine.',
    doc: 'identity/presets.md#what-is-checked',
  },
  lifetime_too_long: {
    status: 401,
    challenge: 'invalid_token',
    description: 'The token lives longer than allowed',
    hint: 'exp minus iat exceeds the maximum lifetime of the provider.',
    doc: 'identity/presets.md#what-is-checked',
  },
  audience_mismatch: {
    status: 401,
    challenge: 'invalid_token',
    description: 'The token is meant for another audience',
    hint: 'No aud value equals an audience of the provider: the client asked for a token for another API.',
    doc: 'identity/presets.md#what-is-checked',
  },
  typ_mismatch: {
    status: 401,
    challenge: 'invalid_token',
    description: 'The token is of another type',
    hint: 'The header typ is not accepted, or this is an ID token (nonce, at_hash, token_use): send the access token.',
    doc: 'identity/presets.md#what-is-checked',
  },
  claim_missing: {
    status: 401,
    challenge: 'invalid_token',
    description: 'The token lacks a required claim',
    hint: 'iss, exp, aud and the subject are required, iat too where a maximum lifetime is set.',
    doc: 'identity/presets.md#what-is-checked',
  },
  claim_invalid: {
    status: 401,
    challenge: 'invalid_token',
    description: 'A claim of the token is invalid',
    hint: 'A claim has the wrong type, is out of range or too long (over 512 roles or scopes, too), or holds control characters.',
    doc: 'identity/presets.md#what-is-checked',
  },
  binding_missing: {
    status: 401,
    challenge: 'invalid_token',
    description: 'The token is bound to a key that was not proven',
    hint: 'The token has a cnf claim (RFC 8705, RFC 9449): it must not be used as a plain bearer token.',
    doc: 'identity/certificates.md#tokens-bound-to-a-certificate-rfc-8705',
  },
  binding_mismatch: {
    status: 401,
    challenge: 'invalid_token',
    description: 'The token is bound to another key',
    hint: 'The client certificate or proof differs from the one the token was issued to.',
    doc: 'identity/certificates.md#tokens-bound-to-a-certificate-rfc-8705',
  },
  revoked: {
    status: 401,
    challenge: 'invalid_token',
    description: 'The token has been revoked',
    hint: 'A revocation entry names this token, its subject or its session.',
    doc: 'identity/revocation.md#what-can-be-revoked',
  },
  inactive: {
    status: 401,
    challenge: 'invalid_token',
    description: 'The token is not active',
    hint: 'The authorization server says that the token is not, or no longer, active (RFC 7662), or forward-auth refused the session.',
    doc: 'identity/introspection.md#what-is-checked-and-when',
  },
  replayed: {
    status: 401,
    challenge: 'invalid_token',
    description: 'The credential was used before',
    hint: 'A one-time credential (a webhook delivery, a presigned request) came a second time.',
    doc: 'identity/webhooks.md#the-same-delivery-twice',
  },
  dpop_missing: {
    status: 401,
    challenge: 'invalid_dpop_proof',
    description: 'A DPoP proof is required',
    hint: 'The token is bound to a key (cnf.jkt): it goes with "Authorization: DPoP" and a DPoP header, which spoe.conf has to send.',
    doc: 'identity/dpop.md#what-is-checked',
  },
  dpop_invalid: {
    status: 401,
    challenge: 'invalid_dpop_proof',
    description: 'The DPoP proof is invalid',
    hint: 'Check htm, htu (publicBaseUrl of the provider), iat, ath and the signature of the proof (RFC 9449 section 4.3).',
    doc: 'identity/dpop.md#what-is-checked',
  },
  dpop_replayed: {
    status: 401,
    challenge: 'invalid_dpop_proof',
    description: 'The DPoP proof was used before',
    hint: 'Each request needs a proof of its own with a fresh jti.',
    doc: 'identity/dpop.md#what-is-checked',
  },
  dpop_nonce_required: {
    status: 401,
    challenge: 'use_dpop_nonce',
    description: 'A nonce is required in the DPoP proof',
    hint: 'Clients try again with the nonce of the DPoP-Nonce header (RFC 9449 section 9).',
    doc: 'identity/dpop.md#what-is-checked',
  },
  body_truncated: {
    status: 400,
    challenge: 'none',
    description: 'The body did not arrive whole',
    hint: 'A signature covers the whole body: wait for it (http-request wait-for-body) and raise tune.bufsize and max-frame-size.',
    doc: 'identity/webhooks.md#bodies',
  },
  ambiguous_host: {
    status: 400,
    challenge: 'none',
    description: 'The host is ambiguous',
    hint: 'The Host header is no plain name with an optional port, or is missing although rules tell hosts apart.',
    doc: 'configuration.md#rules',
  },
  ambiguous_path: {
    status: 400,
    challenge: 'none',
    description: 'The path is ambiguous',
    hint: 'Dot segments, semicolons, encoded slashes, backslashes, control characters and broken escapes are refused: servers disagree about what they mean.',
    doc: 'configuration.md#rules',
  },
  client_cert_required: {
    status: 403,
    challenge: 'none',
    description: 'A client certificate is required',
    hint: 'The connection came without a client certificate: bind with "verify optional ca-file ...", and send ssl_c_der in spoe.conf.',
    doc: 'identity/certificates.md#why-a-request-is-refused',
  },
  client_cert_untrusted: {
    status: 403,
    challenge: 'none',
    description: 'The client certificate is not trusted',
    hint: 'HAProxy could not verify the chain (ssl_c_verify is not 0): compare ca-file with the issuer of the certificate.',
    doc: 'identity/certificates.md#why-a-request-is-refused',
  },
  client_cert_expired: {
    status: 403,
    challenge: 'none',
    description: 'The client certificate is not within its dates',
    hint: 'notBefore or notAfter of the certificate excludes this moment; resumed TLS sessions outlive certificates.',
    doc: 'identity/certificates.md#why-a-request-is-refused',
  },
  client_cert_not_allowed: {
    status: 403,
    challenge: 'none',
    description: 'The client certificate names no accepted caller',
    hint: 'The name source of the provider (uri, dns, email, cn, dn, x5t) gives none, several, or one outside the allowed ones.',
    doc: 'identity/certificates.md#why-a-request-is-refused',
  },
  insufficient_scope: {
    status: 403,
    challenge: 'insufficient_scope',
    description: 'The token lacks a required scope',
    hint: 'The rule requires a scope that the token does not carry.',
    doc: 'identity/README.md#who-may-call',
  },
  policy_denied: {
    status: 403,
    challenge: 'none',
    description: 'Denied by policy',
    hint: 'The named rule refuses this identity: run explain with the same request.',
    doc: 'configuration.md#rules',
  },
  redirected: {
    status: 302,
    challenge: 'none',
    description: 'Redirected by policy',
    hint: 'The named rule sends the client elsewhere: see its redirect.',
    doc: 'recipes/redirect.md#what-to-know',
  },
  policy_error: {
    status: 403,
    challenge: 'none',
    description: 'Denied by policy',
    hint: 'A condition of the named rule failed to evaluate, often for a claim that is absent: guard it with has().',
    doc: 'expressions.md#what-they-read',
  },
  default_denied: {
    status: 403,
    challenge: 'none',
    description: 'Denied by default',
    hint: 'No rule matched the request, and the default is to deny.',
    doc: 'configuration.md#rules',
  },
  rate_limited: {
    status: 429,
    challenge: 'none',
    description: 'Too many requests',
    hint: 'The caller exceeded its rate.',
    doc: 'recipes/rate-limit-agent.md#what-to-know',
  },
  keys_unavailable: {
    status: 503,
    challenge: 'none',
    description: 'Tokens cannot be verified now',
    hint: 'No usable keys of the provider: see lastError in its status; check issuer, jwksUri, network and CA.',
    doc: 'identity/keys.md#in-an-outage',
  },
  introspection_unavailable: {
    status: 503,
    challenge: 'none',
    description: 'Tokens cannot be checked now',
    hint: 'The introspection endpoint did not answer: see lastError in /status; check URL, client credentials, network and CA.',
    doc: 'identity/introspection.md#what-is-checked-and-when',
  },
  sts_unavailable: {
    status: 503,
    challenge: 'none',
    description: 'AWS identities cannot be checked now',
    hint: 'AWS STS did not answer or throttles: see lastError in /status; check the network and the proxy.',
    doc: 'identity/aws.md#when-it-is-refused',
  },
  forward_auth_unavailable: {
    status: 503,
    challenge: 'none',
    description: 'Sessions cannot be checked now',
    hint: 'The forward-auth server did not answer: see lastError in /status.',
    doc: 'identity/forward-auth.md#what-the-answer-means',
  },
  secrets_unavailable: {
    status: 503,
    challenge: 'none',
    description: 'Credentials cannot be checked now',
    hint: 'A file of keys or secrets cannot be read: see lastError in /status.',
    doc: 'identity/api-keys.md#what-is-refused',
  },
  revocation_unavailable: {
    status: 503,
    challenge: 'none',
    description: 'Revocations cannot be checked now',
    hint: 'The list of revocations could not be read for too long: see lastError in /status, or set onUnavailable.',
    doc: 'identity/revocation.md#when-a-list-cannot-be-read',
  },
  event_not_stored: {
    status: 503,
    challenge: 'none',
    description: 'The request could not be recorded',
    hint: 'A rule with "delivery: strict" lets nobody in whose event is not on disk in time: look at the disk of the outbox.',
    doc: 'dispatch.md#what-may-be-lost',
  },
  overload: {
    status: 503,
    challenge: 'none',
    description: 'Too busy',
    hint: 'Too much work was waiting: add agent processes or find out who floods them.',
    doc: 'how-it-works.md#what-fails-how',
  },
  timeout: {
    status: 503,
    challenge: 'none',
    description: 'The decision took too long',
    hint: 'The deadline passed, often while keys of a slow provider were fetched.',
    doc: 'how-it-works.md#what-fails-how',
  },
  internal_error: {
    status: 503,
    challenge: 'none',
    description: 'Internal error',
    hint: 'A defect of the agent: its log names the place.',
    doc: 'how-it-works.md#what-fails-how',
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
