import type { AuditRecord } from './record.ts'

/** OCSF release whose classes are used. */
const OCSF_VERSION = '1.5.0'

/** API Activity (6003) of the category Application Activity (6). */
const CLASS = 6003
const CATEGORY = 6
const OTHER = 99
const ACTIVITIES: Readonly<Record<string, number>> = {
  POST: 1,
  GET: 2,
  HEAD: 2,
  PUT: 3,
  PATCH: 3,
  DELETE: 4,
}

/** A record as an event of the Open Cybersecurity Schema Framework: API Activity with the profile `security_control`. */
export function toOcsf(record: AuditRecord): Record<string, unknown> {
  const allowed = record['event.outcome'] === 'success'
  const method = text(record['http.request.method'])
  const activity = ACTIVITIES[method] ?? OTHER
  const time = Date.parse(text(record['@timestamp']))
  const at = (seconds: unknown): number | undefined => (typeof seconds === 'number' ? time + seconds * 1000 : undefined)
  const ageS = record['identity.age_s']
  return compact({
    category_uid: CATEGORY,
    class_uid: CLASS,
    type_uid: CLASS * 100 + activity,
    activity_id: activity,
    // OCSF wants the original name where the id is "other".
    activity_name: activity === OTHER ? method : undefined,
    severity_id: allowed ? 1 : 2,
    time,
    duration: Math.round(Number(record['event.duration']) / 1e6),
    status_id: allowed ? 1 : 2,
    status_code: record['http.response.status_code']?.toString(),
    status_detail: record['event.reason'],
    action_id: allowed ? 1 : 2,
    disposition_id: allowed ? 1 : 2,
    metadata: {
      version: OCSF_VERSION,
      profiles: ['security_control'],
      uid: record['event.id'],
      product: {
        name: record['service.name'],
        vendor_name: record['service.name'],
        version: record['service.version'],
      },
    },
    actor: {
      // Required, so an unknown caller needs a name too.
      user: compact({
        uid: record['user.id'] ?? record['user.hash'] ?? 'unknown',
        type_id: 0,
        name: record['user.name'],
        full_name: record['user.full_name'],
        email_addr: record['user.email'],
        groups: list(record['user.roles'])?.map((name) => ({ name })),
        org: record['organization.id'] === undefined ? undefined : { uid: record['organization.id'] },
      }),
      session: session(record, {
        created_time: at(typeof ageS === 'number' ? -ageS : undefined),
        expiration_time: at(record['identity.expires_in_s']),
      }),
      authorizations: [
        compact({
          decision: allowed ? 'allow' : 'deny',
          policy: record['rule.id'] === undefined ? undefined : { name: record['rule.id'] },
        }),
      ],
    },
    api: compact({
      operation: method,
      request: { uid: record['event.id'] },
      service: record['url.domain'] === undefined ? undefined : { name: record['url.domain'] },
    }),
    src_endpoint: compact({ ip: record['client.ip'], uid: record['client.address'] }),
    dst_endpoint: compact({ hostname: record['url.domain'] }),
    http_request: compact({
      uid: record['event.id'],
      http_method: method,
      url: compact({ hostname: record['url.domain'], path: record['url.path'] }),
    }),
    unmapped: unmapped(record),
  })
}

function session(record: AuditRecord, times: Record<string, number | undefined>): object | undefined {
  if (record['identity.provider'] === undefined) return undefined
  return compact({
    uid: record['identity.session'],
    credential_uid: record['identity.jti'],
    issuer: record['identity.issuer'],
    ...times,
  })
}

/** What OCSF has no place for, under the names of ECS. */
const UNMAPPED = [
  'identity.provider',
  'identity.method',
  'identity.scopes',
  'identity.token_fp',
  'identity.bound',
  'identity.cache',
  'identity.alg',
  'identity.kid',
  'identity.key_age_s',
  'identity.stale_keys',
  'tls.established',
  'tls.client.hash.sha256',
  'temporal.action',
  'temporal.event_id',
  'temporal.workflow_id',
] as const

function unmapped(record: AuditRecord): object {
  return compact(Object.fromEntries(UNMAPPED.map((name) => [name, record[name]])))
}

/** Without members that are undefined. */
function compact(value: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined))
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function list(value: unknown): string[] | undefined {
  return Array.isArray(value) ? value.map(String) : undefined
}
