import type { AuthMethod, Identity } from '../identity/identity.ts'

/** What an audit record may tell of a request: never a header, a query, a body. */
export interface AuditRequest {
  readonly id: string
  readonly method: string
  readonly host: string
  /** Canonical; empty where it could not be made so. */
  readonly path: string
  /** Client address; empty when unknown. */
  readonly source: string
  readonly tls: boolean
}

/** What was decided; a `Decision` of the rules has this shape. */
export interface AuditVerdict {
  readonly allow: boolean
  /** HTTP status of a denial. */
  readonly status: number
  /** `ok`, `fail_open` or a reason of identity/reasons.ts. */
  readonly reason: string
  /** The rule that decided; undefined when none matched. */
  readonly rule: { readonly name: string } | undefined
  readonly identity: Identity | undefined
}

/**
 * One decision, as the decision path hands it over: references to what is there already, nothing computed but the age of
 * keys, which may be another one when the record is written.
 */
export interface AuditDecision {
  /** Milliseconds since the epoch. */
  readonly at: number
  readonly request: AuditRequest
  readonly decision: AuditVerdict
  /** Whether the caller was known from a cache; undefined where nobody had to be known. */
  readonly cache: 'hit' | 'miss' | undefined
  /** Whole seconds since the keys were fetched that the caller was verified with; undefined without published keys. */
  readonly keyAgeS: number | undefined
  /** Whether those were past their refresh time. */
  readonly staleKeys: boolean | undefined
  /** Seconds from the arrival of the question to the decision. */
  readonly durationS: number
  /** What is to happen behind the answer, where anything is. */
  readonly effect: { readonly kind: string; readonly eventId: string; readonly workflowId: string } | undefined
}

/** Methods whose proof is a client certificate: its digest is that of the certificate. */
export const CERTIFICATE_METHOD: AuthMethod = 'certificate'
