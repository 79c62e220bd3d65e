import { Fields } from './fields.ts'
import { type Fact, NEVER_RECORDED, type Outcome, type RecordedCaller, type RecordedRequest } from './recorded.ts'

/** What both formats tell, under one set of names. */
interface Told {
  readonly format: RecordedRequest['format']
  readonly id: string | undefined
  readonly at: number
  readonly method: string
  readonly host: string | undefined
  readonly path: string | undefined
  readonly source: string | undefined
  readonly tls: boolean | undefined
  readonly allowed: boolean
  readonly reason: string
  readonly status: number | undefined
  readonly rule: string | undefined
  readonly provider: string | undefined
  readonly issuer: string | undefined
  readonly subject: string | undefined
  readonly tenant: string | undefined
  readonly roles: readonly string[] | undefined
  readonly scopes: readonly string[] | undefined
}

/** An audit record of either format; undefined for anything else. */
export function readAuditRecord(value: unknown): RecordedRequest | undefined {
  const fields = new Fields(value)
  if (fields.text('event.dataset') === 'haproxy_temporal.audit') return recordOf(ofEcs(fields))
  if (fields.number('class_uid') === 6003 && fields.text('metadata.product.name') === 'haproxy-temporal') {
    return recordOf(ofOcsf(fields))
  }
  return undefined
}

function ofEcs(fields: Fields): Told {
  return {
    format: 'ECS audit record',
    id: fields.text('event.id'),
    at: Date.parse(fields.text('@timestamp') ?? ''),
    method: fields.text('http.request.method') ?? '',
    host: fields.text('url.domain'),
    path: fields.text('url.path'),
    source: fields.text('client.ip'),
    tls: booleanOf(fields.at('tls.established')),
    allowed: fields.text('event.outcome') === 'success',
    reason: fields.text('event.reason') ?? '',
    status: fields.number('http.response.status_code'),
    rule: fields.text('rule.id'),
    provider: fields.text('identity.provider'),
    issuer: fields.text('identity.issuer'),
    subject: fields.text('user.id'),
    tenant: fields.text('organization.id'),
    roles: fields.texts('user.roles'),
    scopes: fields.texts('identity.scopes'),
  }
}

function ofOcsf(fields: Fields): Told {
  const [first] = listOf(fields.at('actor.authorizations'))
  const groups = listOf(fields.at('actor.user.groups')).flatMap((group) => group.text('name') ?? [])
  // Its names have dots in them.
  const of = (name: string): unknown => (fields.at('unmapped') as Record<string, unknown> | undefined)?.[name]
  const provider = of('identity.provider')
  const scopes = of('identity.scopes')
  const uid = fields.text('actor.user.uid')
  const status = Number(fields.text('status_code') ?? Number.NaN)
  return {
    format: 'OCSF audit record',
    id: fields.text('metadata.uid'),
    at: fields.number('time') ?? Number.NaN,
    method: fields.text('http_request.http_method') ?? '',
    host: fields.text('http_request.url.hostname'),
    path: fields.text('http_request.url.path'),
    source: fields.text('src_endpoint.ip'),
    tls: booleanOf(of('tls.established')),
    allowed: first?.text('decision') === 'allow',
    reason: fields.text('status_detail') ?? '',
    status: Number.isNaN(status) ? undefined : status,
    rule: first?.text('policy.name'),
    provider: typeof provider === 'string' ? provider : undefined,
    issuer: fields.text('actor.session.issuer'),
    subject: uid === 'unknown' ? undefined : uid,
    tenant: fields.text('actor.user.org.uid'),
    roles: groups.length === 0 ? undefined : groups,
    scopes: Array.isArray(scopes) ? scopes.filter((one) => typeof one === 'string') : undefined,
  }
}

function recordOf(told: Told): RecordedRequest {
  const { format, id, at, method, host, path, source, tls, allowed, reason, status, rule } = told
  const unknown = new Set<Fact>(NEVER_RECORDED)
  // Nothing is written of a connection but its address, and nothing of a path that was cut.
  if (method !== '' && (path === undefined || /…$|\[redacted\]/.test(path))) unknown.add('request.path')
  if (host === undefined) unknown.add('request.host')
  if (source === undefined) unknown.add('connection.source')
  if (tls === undefined) unknown.add('connection.tls')
  if (Number.isNaN(at)) unknown.add('request.time')
  const caller = callerOf(told, unknown)
  const outcome: Outcome = {
    decision: allowed ? 'allow' : 'deny',
    status: status ?? (allowed ? 200 : 403),
    reason,
    rule,
    route: undefined,
  }
  const request = {
    id,
    method,
    host: host ?? '',
    path: path ?? '',
    query: '',
    source: source ?? '',
    tls: tls ?? false,
    tlsVersion: '',
    sni: '',
    alpn: '',
    headers: [],
    at: Number.isNaN(at) ? undefined : at,
  }
  return { format, request, outcome, caller, unknown }
}

function callerOf(told: Told, unknown: Set<Fact>): RecordedCaller | undefined {
  const { provider, issuer, subject, tenant, roles, scopes } = told
  if (provider === undefined) {
    unknown.add('identity')
    return undefined
  }
  // `user.id` is "provider/subject"; a pseudonym names nobody.
  const named = subject?.startsWith(`${provider}/`) === true ? subject.slice(provider.length + 1) : undefined
  if (named === undefined) unknown.add('identity.subject')
  if (issuer === undefined) unknown.add('identity.issuer')
  if (scopes === undefined) unknown.add('identity.scopes')
  return {
    provider,
    issuer: issuer ?? '',
    subject: named ?? 'unknown',
    tenant: tenant ?? '',
    roles: roles ?? [],
    scopes: scopes ?? [],
  }
}

function booleanOf(value: unknown): boolean | undefined {
  return typeof value === 'boolean' ? value : undefined
}

function listOf(value: unknown): Fields[] {
  return Array.isArray(value) ? value.map((one) => new Fields(one)) : []
}
