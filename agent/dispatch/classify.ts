import { inspect } from 'node:util'
import proto from '@temporalio/proto'

/** What is called, by the names of `TemporalCalls`. */
export type Rpc = 'start' | 'signalWithStart' | 'signal' | 'cancel' | 'terminate'

/**
 * What an answer of Temporal means for the events of the call.
 * `retry`: `call` touches this call alone, `key` its workflow id alone, `namespace` all calls of it, `server` all calls.
 * `park`: an operator must act; `namespace` holds the rule back, and all calls of it if others are refused as well.
 * `no-workflow`: there is none to signal.
 */
export type Verdict =
  | { readonly kind: 'delivered' }
  | { readonly kind: 'deduplicated' }
  | {
      readonly kind: 'retry'
      readonly scope: 'call' | 'key' | 'namespace' | 'server'
      readonly cause: RetryCause
      readonly reason: string
    }
  | { readonly kind: 'park'; readonly scope: 'call' | 'namespace'; readonly reason: string }
  | { readonly kind: 'no-workflow'; readonly reason: string }
  /** `unsent`: Temporal was not even asked. */
  | { readonly kind: 'dead-letter'; readonly reason: string; readonly unsent?: true }

/**
 * `timeout`: the outcome is unknown, so only a retry with the same request id is safe. `slower`: fewer calls a second.
 * `crowded`: fewer calls at once. `overloaded`: no calls for a moment. `unavailable`: no answer at all.
 */
export type RetryCause = 'failed' | 'timeout' | 'busy' | 'slower' | 'crowded' | 'overloaded' | 'unavailable'

/** gRPC status codes, by the names of the specification. */
export const STATUS = {
  OK: 0,
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
} as const

const DELIVERED: Verdict = { kind: 'delivered' }
const DEDUPLICATED: Verdict = { kind: 'deduplicated' }

/** Classifies an answer without error. `started` is false when the server found the workflow already there. */
export function classifyResponse(rpc: Rpc, response: { readonly started?: boolean | null }): Verdict {
  // A signal is delivered whether or not its workflow had to be started for it.
  return rpc === 'start' && response.started === false ? DEDUPLICATED : DELIVERED
}

/**
 * What the server says of a run that takes no more signals: its history is too long, or had 10,000 of them. Nothing is
 * wrong with the signal; the run that its worker continues it with will take it.
 */
const RUN_IS_FULL = /history (?:size|count) exceeds limit|execution limit for signal events/i

/** Classifies whatever a call threw. Never throws. */
export function classifyError(error: unknown, rpc: Rpc): Verdict {
  const status = statusOf(error)
  // Not an answer of gRPC: the request could not even be built or encoded, which no retry will mend.
  if (status === undefined) return { kind: 'dead-letter', reason: `unsendable: ${textOf(error)}`, unsent: true }
  const reason = `${nameOf(status)}: ${textOf(error)}`
  switch (status) {
    case STATUS.ALREADY_EXISTS:
      return DEDUPLICATED
    case STATUS.INVALID_ARGUMENT:
      return RUN_IS_FULL.test(reason)
        ? { kind: 'retry', scope: 'key', cause: 'busy', reason }
        : { kind: 'dead-letter', reason }
    case STATUS.NOT_FOUND:
      return classifyNotFound(error, rpc, reason)
    case STATUS.PERMISSION_DENIED:
    case STATUS.UNAUTHENTICATED:
    case STATUS.UNIMPLEMENTED:
      return { kind: 'park', scope: 'namespace', reason }
    case STATUS.FAILED_PRECONDITION:
      return { kind: 'park', scope: 'call', reason }
    case STATUS.UNAVAILABLE:
      return { kind: 'retry', scope: 'namespace', cause: 'unavailable', reason }
    case STATUS.DEADLINE_EXCEEDED:
    case STATUS.CANCELLED:
      return { kind: 'retry', scope: 'call', cause: 'timeout', reason }
    case STATUS.RESOURCE_EXHAUSTED:
      return classifyExhausted(error, reason)
    default:
      return { kind: 'retry', scope: 'call', cause: 'failed', reason }
  }
}

function classifyNotFound(error: unknown, rpc: Rpc, reason: string): Verdict {
  // Start and signalWithStart need no workflow to exist: what was not found is the namespace.
  const ofNamespace =
    rpc === 'start' ||
    rpc === 'signalWithStart' ||
    detailOf(error, 'NamespaceNotFoundFailure') !== undefined ||
    /^namespace\b/i.test(textOf(error))
  if (ofNamespace) return { kind: 'park', scope: 'namespace', reason }
  // A workflow that is to end has ended, or never began.
  return rpc === 'signal' ? { kind: 'no-workflow', reason } : DELIVERED
}

function classifyExhausted(error: unknown, reason: string): Verdict {
  const { errordetails, enums } = {
    errordetails: proto.temporal.api.errordetails.v1,
    enums: proto.temporal.api.enums.v1,
  }
  const { ResourceExhaustedCause: CAUSE, ResourceExhaustedScope: SCOPE } = enums
  const value = detailOf(error, 'ResourceExhaustedFailure')
  const { cause, scope } = (value && decoded(value, errordetails.ResourceExhaustedFailure)) ?? {}
  // gRPC itself, not Temporal, refuses a message over its size limit with this code: retrying it would block everything.
  if (value === undefined && /larger than/i.test(reason)) return { kind: 'dead-letter', reason }
  const retry = (of: 'key' | 'namespace' | 'server', why: RetryCause): Verdict => ({
    kind: 'retry',
    scope: of,
    cause: why,
    reason,
  })
  switch (cause) {
    case CAUSE.RESOURCE_EXHAUSTED_CAUSE_BUSY_WORKFLOW:
      return retry('key', 'busy')
    case CAUSE.RESOURCE_EXHAUSTED_CAUSE_CONCURRENT_LIMIT:
      return retry('namespace', 'crowded')
    case CAUSE.RESOURCE_EXHAUSTED_CAUSE_RPS_LIMIT:
    case CAUSE.RESOURCE_EXHAUSTED_CAUSE_APS_LIMIT:
    case CAUSE.RESOURCE_EXHAUSTED_CAUSE_OPS_LIMIT:
      return retry('namespace', 'slower')
  }
  if (scope === SCOPE.RESOURCE_EXHAUSTED_SCOPE_NAMESPACE) return retry('namespace', 'slower')
  const wellKnown =
    cause === CAUSE.RESOURCE_EXHAUSTED_CAUSE_SYSTEM_OVERLOADED ||
    cause === CAUSE.RESOURCE_EXHAUSTED_CAUSE_PERSISTENCE_LIMIT ||
    cause === CAUSE.RESOURCE_EXHAUSTED_CAUSE_CIRCUIT_BREAKER_OPEN ||
    scope === SCOPE.RESOURCE_EXHAUSTED_SCOPE_SYSTEM
  // What says neither what nor where may come from a proxy before one namespace.
  return retry(wellKnown ? 'server' : 'namespace', 'overloaded')
}

/** The detail of that type that the server sent with its error; undefined when there is none, or it cannot be read. */
function detailOf(error: unknown, type: string): Uint8Array | undefined {
  const metadata = (error as { metadata?: { get?: (key: string) => unknown[] } } | null)?.metadata
  const bytes = metadata?.get?.('grpc-status-details-bin')[0]
  if (!(bytes instanceof Uint8Array)) return undefined
  const details = decoded(bytes, proto.google.rpc.Status)?.details ?? []
  return details.find(({ type_url: url }) => url?.endsWith(`/temporal.api.errordetails.v1.${type}`))?.value ?? undefined
}

/** Details are advice. Bytes that do not decode are the same as none: the safe default applies. */
function decoded<T>(bytes: Uint8Array, type: { decode(bytes: Uint8Array): T }): T | undefined {
  try {
    return type.decode(bytes)
  } catch {
    return undefined
  }
}

function statusOf(error: unknown): number | undefined {
  const code = typeof error === 'object' && error !== null ? (error as { code?: unknown }).code : undefined
  return typeof code === 'number' ? code : undefined
}

function textOf(error: unknown): string {
  const { details, message } = (error ?? {}) as { details?: unknown; message?: unknown }
  if (typeof details === 'string' && details !== '') return details
  return typeof message === 'string' ? message : inspect(error, { depth: 0 })
}

function nameOf(status: number): string {
  return Object.entries(STATUS).find(([, code]) => code === status)?.[0] ?? `status ${status}`
}
