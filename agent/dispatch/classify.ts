import { inspect } from 'node:util'
import proto from '@temporalio/proto'
import type { WorkflowAction } from './command.ts'

/**
 * What an answer of Temporal means for the events of the call.
 * `retry`: `call` touches this call alone, `key` its workflow id alone, `server` all calls; `unavailable` says that the
 * server did not answer at all. `park`: an operator must act; `server` stops all calls but slow probes.
 */
export type Verdict =
  | { readonly kind: 'delivered' }
  | { readonly kind: 'deduplicated' }
  | {
      readonly kind: 'retry'
      readonly scope: 'call' | 'key' | 'server'
      readonly cause: RetryCause
      readonly reason: string
    }
  | { readonly kind: 'park'; readonly scope: 'call' | 'server'; readonly reason: string }
  | { readonly kind: 'dead-letter'; readonly reason: string }

/** `timeout`: the outcome is unknown, so only a retry with the same request id is safe. */
export type RetryCause = 'failed' | 'timeout' | 'busy' | 'throttled' | 'unavailable'

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

/** Classifies an answer without error. `started` is false when the server found the workflow already there. */
export function classifyResponse(kind: WorkflowAction['kind'], response: { started?: boolean | null }): Verdict {
  // A signal is delivered whether or not its workflow had to be started for it.
  return { kind: kind === 'start' && response.started === false ? 'deduplicated' : 'delivered' }
}

/** Classifies whatever a call threw. Never throws. */
export function classifyError(error: unknown): Verdict {
  const status = statusOf(error)
  // Not an answer of gRPC: the request could not even be built or encoded, which no retry will mend.
  if (status === undefined) return { kind: 'dead-letter', reason: `unsendable: ${textOf(error)}` }
  const reason = `${nameOf(status)}: ${textOf(error)}`
  switch (status) {
    case STATUS.ALREADY_EXISTS:
      return { kind: 'deduplicated' }
    case STATUS.INVALID_ARGUMENT:
      return { kind: 'dead-letter', reason }
    case STATUS.PERMISSION_DENIED:
    case STATUS.UNAUTHENTICATED:
    case STATUS.UNIMPLEMENTED:
    // Start and signalWithStart need no workflow to exist: what was not found is the namespace.
    case STATUS.NOT_FOUND:
      return { kind: 'park', scope: 'server', reason }
    case STATUS.FAILED_PRECONDITION:
      return { kind: 'park', scope: 'call', reason }
    case STATUS.UNAVAILABLE:
      return { kind: 'retry', scope: 'server', cause: 'unavailable', reason }
    case STATUS.DEADLINE_EXCEEDED:
    case STATUS.CANCELLED:
      return { kind: 'retry', scope: 'call', cause: 'timeout', reason }
    case STATUS.RESOURCE_EXHAUSTED:
      return classifyExhausted(error, reason)
    default:
      return { kind: 'retry', scope: 'call', cause: 'failed', reason }
  }
}

function classifyExhausted(error: unknown, reason: string): Verdict {
  const cause = exhaustedCause(error)
  const CAUSE = proto.temporal.api.enums.v1.ResourceExhaustedCause
  if (cause === CAUSE.RESOURCE_EXHAUSTED_CAUSE_BUSY_WORKFLOW)
    return { kind: 'retry', scope: 'key', cause: 'busy', reason }
  // gRPC itself, not Temporal, refuses a message over its size limit with this code: retrying it would block everything.
  if (cause === undefined && /larger than max/i.test(reason)) return { kind: 'dead-letter', reason }
  return { kind: 'retry', scope: 'server', cause: 'throttled', reason }
}

/** The cause in the details of RESOURCE_EXHAUSTED; undefined when there are none or they cannot be read. */
export function exhaustedCause(error: unknown): proto.temporal.api.enums.v1.ResourceExhaustedCause | undefined {
  const details = detailsOf(error)
  if (details === undefined) return undefined
  try {
    for (const any of proto.google.rpc.Status.decode(details).details ?? []) {
      if (any.type_url?.endsWith('/temporal.api.errordetails.v1.ResourceExhaustedFailure') && any.value) {
        return proto.temporal.api.errordetails.v1.ResourceExhaustedFailure.decode(any.value).cause
      }
    }
  } catch {
    // Details are advice. Bytes that do not decode are the same as none: the safe default applies.
  }
  return undefined
}

function detailsOf(error: unknown): Uint8Array | undefined {
  const metadata = (error as { metadata?: { get?: (key: string) => unknown[] } }).metadata
  const value = metadata?.get?.('grpc-status-details-bin')[0]
  return value instanceof Uint8Array ? value : undefined
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
