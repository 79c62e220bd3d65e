import type { AskedRequest } from '../question.ts'

/** What HAProxy made of a request, or would make of it. */
export interface Outcome {
  readonly decision: 'allow' | 'deny'
  /** 200 for an allow. */
  readonly status: number
  readonly reason: string
  /** Undefined where none matched. */
  readonly rule: string | undefined
  /** Undefined where the agent chose none, or nobody noted it. */
  readonly route: string | undefined
}

/** Who called, as far as a record has it. */
export interface RecordedCaller {
  /** Undefined where it was not noted. */
  readonly provider: string | undefined
  readonly issuer: string
  readonly subject: string
  readonly tenant: string
  readonly roles: readonly string[]
  readonly scopes: readonly string[]
}

/** Names of facts as expressions have them; `identity` is the caller as a whole. */
export type Fact =
  | 'identity'
  | `identity.${'provider' | 'issuer' | 'subject' | 'tenant' | 'roles' | 'scopes' | 'claims'}`
  | `request.${'host' | 'path' | 'query' | 'headers' | 'time'}`
  | `connection.${'source' | 'tls' | 'tlsVersion' | 'sni' | 'alpn'}`
  | 'verdict'

export type RecordFormat = 'ECS audit record' | 'OCSF audit record' | 'log of HAProxy' | 'HAR'

/** A request of the past. */
export interface RecordedRequest {
  readonly format: RecordFormat
  readonly request: AskedRequest
  /** Of a HAR nobody knows what the agent said. */
  readonly outcome: Outcome | undefined
  readonly caller: RecordedCaller | undefined
  /** What the record does not tell. */
  readonly unknown: ReadonlySet<Fact>
}

/** A line that is whole, and tells of nothing that the agent decided. */
export const OTHER = Symbol('other')

/** No record keeps these. */
export const NEVER_RECORDED: readonly Fact[] = [
  'request.query',
  'request.headers',
  'identity.claims',
  'connection.tlsVersion',
  'connection.sni',
  'connection.alpn',
  'verdict',
]

/** The request with a host, where its record has none. */
export function withHost(record: RecordedRequest, host: string | undefined): RecordedRequest {
  if (host === undefined || !record.unknown.has('request.host')) return record
  const unknown = new Set(record.unknown)
  unknown.delete('request.host')
  return { ...record, unknown, request: { ...record.request, host } }
}
