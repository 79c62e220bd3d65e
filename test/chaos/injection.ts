import proto from '@temporalio/proto'

/** Causes of RESOURCE_EXHAUSTED, by the names of Temporal's API without their prefix. */
export const EXHAUSTED = [
  'RPS_LIMIT',
  'CONCURRENT_LIMIT',
  'SYSTEM_OVERLOADED',
  'PERSISTENCE_LIMIT',
  'BUSY_WORKFLOW',
  'APS_LIMIT',
] as const
export type Exhausted = (typeof EXHAUSTED)[number]

export interface Refusal {
  /** Status of gRPC. */
  readonly code: number
  /** Of RESOURCE_EXHAUSTED. */
  readonly cause?: Exhausted
}

/**
 * What becomes of a call. A code: it is refused without being passed on, with that gRPC status. `slowMs`: its answer waits.
 * `late`: it has its effect, and its answer comes after the client's deadline. `cut-before`, `cut-after`: the connection
 * breaks before it has its effect, or after.
 */
export type Injection = 'none' | 'late' | 'cut-before' | 'cut-after' | { readonly slowMs: number } | Refusal

/** The answer of a refused call, as Temporal would give it: all in its headers. */
export function refusalHeaders({ code, cause }: Refusal) {
  const status = { 'grpc-status': String(code), 'grpc-message': `injected ${cause ?? code}` }
  if (cause === undefined) return status
  const { enums, errordetails } = {
    enums: proto.temporal.api.enums.v1,
    errordetails: proto.temporal.api.errordetails.v1,
  }
  const failure = { cause: enums.ResourceExhaustedCause[`RESOURCE_EXHAUSTED_CAUSE_${cause}`] }
  const value = errordetails.ResourceExhaustedFailure.encode(failure).finish()
  const type_url = 'type.googleapis.com/temporal.api.errordetails.v1.ResourceExhaustedFailure'
  const bytes = proto.google.rpc.Status.encode({ code, message: 'injected', details: [{ type_url, value }] }).finish()
  return { ...status, 'grpc-status-details-bin': Buffer.from(bytes).toString('base64') }
}
