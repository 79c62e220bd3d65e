import type { Actor } from '../messages.ts'

// Types alone: workers need them, and take nothing else of the agent.

/**
 * Why an envelope proves nothing. `unknown_key` and `keys_unavailable` may pass when the worker gets its keys; the
 * others stay.
 */
export type EnvelopeRefusal =
  | 'missing'
  | 'malformed'
  | 'alg_not_allowed'
  | 'unknown_key'
  | 'keys_unavailable'
  | 'bad_signature'
  | 'other_namespace'
  | 'other_workflow'
  | 'expired'

/** Where an envelope was found: everything in here comes from Temporal, not from whoever sent the envelope. */
export interface EnvelopePlace {
  readonly namespace: string
  /** The workflow that does the work, and its parents: the envelope must be bound to one of them. */
  readonly workflowIds: readonly string[]
  /** Milliseconds since the epoch: when the workflow started, or handled the signal. */
  readonly arrivedAt: number
}

export type EnvelopeResult =
  | { readonly ok: true; readonly actor: Actor }
  | { readonly ok: false; readonly reason: EnvelopeRefusal }

/** What a worker proves callers with. */
export interface EnvelopeVerifier {
  /** Whether work for a caller who is not proven is refused. */
  readonly required: boolean
  /** Never rejects. */
  verify(envelope: string, place: EnvelopePlace): Promise<EnvelopeResult>
}
