import { isSafeText } from '../identity/claim-values.ts'
import type { Identity } from '../identity/identity.ts'
import { actorPseudonym, pseudonym, type PseudonymKey } from '../identity/pseudonym.ts'
import { VERSION } from '../version.ts'
import { type AuditDecision, CERTIFICATE_METHOD } from './decision.ts'
import { scrub } from './scrub.ts'

/** What the fields of a record are made with. */
export interface FieldContext {
  readonly pseudonymise: boolean
  /** Undefined where agent.yaml gives none. */
  readonly key: PseudonymKey | undefined
}

export type FieldValue = string | number | boolean | readonly string[] | undefined

export interface Field {
  /** What it tells, for the documentation. */
  readonly about: string
  readonly read: (record: AuditDecision, context: FieldContext) => FieldValue
  /** Written only where `audit.fields` names it. */
  readonly optional?: true
  /** May be named in `audit.redact`. The others are needed to make sense of a record. */
  readonly redactable?: true
}

/** ECS release whose field names are used. */
const ECS_VERSION = '8.17.0'

const MAX_METHOD = 32
const MAX_HOST = 255
const MAX_ID = 256
const MAX_PATH = 1024
const MAX_CLAIM = 256
/** Bytes; the `kid` of known providers have a hundred at most. */
const MAX_KID = 256

const ofCaller =
  (read: (identity: Identity, record: AuditDecision, context: FieldContext) => FieldValue): Field['read'] =>
  (record, context) =>
    record.decision.identity === undefined ? undefined : read(record.decision.identity, record, context)

/**
 * Every field that a record can have: the allow-list. A record is built from it and from nothing else, so no part of a
 * request gets into one because somebody forgot to leave it out.
 */
export const FIELDS = {
  '@timestamp': { about: 'When it was decided.', read: ({ at }) => new Date(at).toISOString() },
  'ecs.version': { about: 'Release of ECS whose names are used.', read: () => ECS_VERSION },
  'event.kind': { about: '`event`.', read: () => 'event' },
  'event.category': {
    about: '`api`, and `authentication` where a caller was proven or refused.',
    read: ({ decision, cache }) =>
      decision.identity !== undefined || cache !== undefined || decision.status === 401
        ? ['authentication', 'api']
        : ['api'],
  },
  'event.type': { about: '`allowed` or `denied`.', read: ({ decision }) => [decision.allow ? 'allowed' : 'denied'] },
  'event.action': { about: '`request-decision`.', read: () => 'request-decision' },
  'event.dataset': { about: '`haproxy_temporal.audit`.', read: () => 'haproxy_temporal.audit' },
  'event.outcome': {
    about: '`success` for an allow, `failure` for a denial.',
    read: ({ decision }) => (decision.allow ? 'success' : 'failure'),
  },
  'event.reason': {
    about: '`ok`, `fail_open`, or why the request was refused: a row of the table of reasons.',
    read: ({ decision }) => decision.reason,
  },
  'event.id': {
    about: 'Id of the decision: the unique id of the request, by which records, log of HAProxy and events are joined.',
    read: ({ request }) => scrub(request.id, MAX_ID),
  },
  'event.duration': {
    about: 'Nanoseconds from the arrival of the question to the decision.',
    read: ({ durationS }) => Math.round(durationS * 1e9),
  },
  'service.name': { about: '`haproxy-temporal`.', read: () => 'haproxy-temporal' },
  'service.version': { about: 'Version of the agent.', read: () => VERSION },
  'user.id': {
    about: 'The caller: provider, a slash, subject. Not with `pseudonymise`.',
    redactable: true,
    read: ofCaller(({ provider, subject }, _, { pseudonymise }) =>
      pseudonymise ? undefined : `${provider}/${subject}`,
    ),
  },
  'user.hash': {
    about: 'The caller as a pseudonym, with `pseudonymise`; the same as in search attributes made with the same key.',
    redactable: true,
    read: ofCaller(({ provider, subject }, _, { pseudonymise, key }) =>
      pseudonymise && key !== undefined ? actorPseudonym(key, provider, subject) : undefined,
    ),
  },
  'user.roles': {
    about: 'Roles of the caller.',
    redactable: true,
    read: ofCaller(({ roles }) => (roles.length === 0 ? undefined : roles)),
  },
  'user.name': {
    about: 'Claim `preferred_username`.',
    optional: true,
    redactable: true,
    read: ofCaller(({ claims }) => textClaim(claims['preferred_username'])),
  },
  'user.full_name': {
    about: 'Claim `name`.',
    optional: true,
    redactable: true,
    read: ofCaller(({ claims }) => textClaim(claims['name'])),
  },
  'user.email': {
    about: 'Claim `email`.',
    optional: true,
    redactable: true,
    read: ofCaller(({ claims }) => textClaim(claims['email'])),
  },
  'organization.id': {
    about: 'Tenant of the caller.',
    redactable: true,
    read: ofCaller(({ tenant }) => tenant || undefined),
  },
  'client.ip': {
    about: 'Address of the client. Hashed it stands in `client.address`, for it is no address any more.',
    redactable: true,
    read: ({ request }) => request.source || undefined,
  },
  'http.request.id': { about: 'The same as `event.id`.', read: ({ request }) => scrub(request.id, MAX_ID) },
  'http.request.method': {
    about: 'Method, at most 32 characters.',
    read: ({ request }) => scrub(request.method, MAX_METHOD),
  },
  'http.response.status_code': {
    about: 'Status that HAProxy answers with, of a denial.',
    read: ({ decision }) => (decision.allow ? undefined : decision.status),
  },
  'url.domain': {
    about: 'Host, in small letters, without port.',
    redactable: true,
    read: ({ request }) => scrub(request.host, MAX_HOST) || undefined,
  },
  'url.path': {
    about: 'Canonical path, at most 1024 characters; the query is never written.',
    redactable: true,
    read: ({ request }) => scrub(request.path, MAX_PATH) || undefined,
  },
  'tls.established': { about: 'Whether the client came over TLS.', read: ({ request }) => request.tls },
  'tls.client.hash.sha256': {
    about: 'SHA-256 of the certificate that proved the caller, in hex.',
    redactable: true,
    read: ofCaller(({ method, digest }) =>
      method === CERTIFICATE_METHOD ? Buffer.from(digest, 'base64url').toString('hex').toUpperCase() : undefined,
    ),
  },
  'rule.id': { about: 'Name of the rule that decided.', read: ({ decision }) => decision.rule?.name },
  'identity.provider': { about: 'Provider of agent.yaml.', read: ofCaller(({ provider }) => provider) },
  'identity.method': { about: 'How the caller was proven.', read: ofCaller(({ method }) => method) },
  'identity.issuer': { about: 'Who vouches for the caller.', redactable: true, read: ofCaller(({ issuer }) => issuer) },
  'identity.jti': {
    about: 'Id of the credential, to revoke it by: `jti`, id of an API key, serial number.',
    redactable: true,
    read: ofCaller(({ credentialId }) => credentialId || undefined),
  },
  'identity.session': {
    about: 'Session of the caller (`sid`), to revoke it by.',
    optional: true,
    redactable: true,
    read: ofCaller(({ session }) => session || undefined),
  },
  'identity.scopes': {
    about: 'Scopes of the credential.',
    optional: true,
    redactable: true,
    read: ofCaller(({ scopes }) => (scopes.length === 0 ? undefined : scopes)),
  },
  'identity.token_fp': {
    about: 'Keyed hash of the credential, where `audit.pseudonyms` is given: which records are of the same one.',
    redactable: true,
    read: ofCaller(({ digest }, _, { key }) =>
      key === undefined ? undefined : pseudonym(key, 'credential', '', digest),
    ),
  },
  'identity.bound': {
    about: 'Key that the credential is bound to: `x5t` (a certificate) or `jkt` (DPoP).',
    read: ofCaller(({ confirmation }) =>
      confirmation === undefined ? undefined : confirmation.x5t === undefined ? 'jkt' : 'x5t',
    ),
  },
  'identity.cache': {
    about: '`miss` when the request had to wait until the caller was known, else `hit`.',
    read: ({ cache }) => cache,
  },
  'identity.expires_in_s': {
    about: 'Seconds until the credential expires; none when it never does.',
    read: ofCaller(({ expiresAt }, { at }) =>
      Number.isFinite(expiresAt) ? Math.round(expiresAt - at / 1000) : undefined,
    ),
  },
  'identity.alg': {
    about: 'Algorithm that a JWT was signed with (`alg`).',
    read: ofCaller(({ algorithm }) => algorithm),
  },
  'identity.kid': {
    about: 'Key that a JWT was signed with, as its issuer calls it (`kid`); none of more than 256 bytes.',
    read: ofCaller(({ keyId }) => (isSafeText(keyId, MAX_KID) ? scrub(keyId, MAX_KID) : undefined)),
  },
  'identity.age_s': {
    about:
      'Seconds since the credential was issued; none when it does not tell. Below 0 the clock of its issuer is ahead.',
    read: ofCaller(({ issuedAt }, { at }) => (issuedAt === undefined ? undefined : Math.round(at / 1000 - issuedAt))),
  },
  'identity.key_age_s': {
    about:
      'Seconds since the key set was fetched that verified a JWT; none where there is no such set, as with `alb` or `introspection`.',
    read: ({ keyAgeS }) => keyAgeS,
  },
  'identity.stale_keys': {
    about: 'Whether that key set was past its refresh time, and served because its issuer could not be asked.',
    read: ({ staleKeys }) => staleKeys,
  },
  'temporal.action': {
    about: 'What is to happen behind the answer: `start`, `signal` or `meter`.',
    read: ({ effect }) => effect?.kind,
  },
  'temporal.event_id': {
    about: 'Id of the event that is handed to Temporal.',
    read: ({ effect }) => (effect === undefined ? undefined : scrub(effect.eventId, MAX_ID)),
  },
  'temporal.workflow_id': {
    about: 'Workflow that gets the event. Its key may name a person.',
    optional: true,
    redactable: true,
    read: ({ effect }) => effect?.workflowId,
  },
} as const satisfies Record<string, Field>

export type FieldName = keyof typeof FIELDS
export const fieldNames = Object.keys(FIELDS) as FieldName[]

type Marked<Mark extends string> = {
  [K in FieldName]: (typeof FIELDS)[K] extends Record<Mark, true> ? K : never
}[FieldName]

/** Fields that a record has only where agent.yaml asks for them. */
export type OptionalField = Marked<'optional'>
/** Fields that agent.yaml may have dropped or hashed. */
export type RedactableField = Marked<'redactable'>

const marked = (mark: 'optional' | 'redactable'): FieldName[] =>
  fieldNames.filter((name) => (FIELDS[name] as Field)[mark] === true)

export const optionalFields = marked('optional') as [OptionalField, ...OptionalField[]]
export const redactableFields = marked('redactable') as [RedactableField, ...RedactableField[]]

/** Text that a provider vouches for; still no place for a credential. */
function textClaim(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? scrub(value, MAX_CLAIM) : undefined
}
