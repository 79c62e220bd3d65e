import type { BatchLimits, WorkflowAction } from '../command.ts'
import type { Claim } from './claim.ts'
import type { NewRow } from './row.ts'

/** When a batch goes out where its rule does not say. */
export const BATCH_LIMITS: BatchLimits = { maxRecords: 1000, maxDelayMs: 250, maxBytes: 262_144 }

/** An action as the store thread knows it. */
export interface StoreAction {
  /** By which the ship thread knows it. */
  readonly index: number
  readonly action: WorkflowAction
  /** Its JSON, as it stands in the outbox. */
  readonly content: string
  readonly batch: BatchLimits
  /** Its own, or that of `temporal` in agent.yaml. */
  readonly namespace: string
}

/** One event, or one chunk of records, on its way in: what its row will hold, and what only this process needs. */
export interface Incoming extends Omit<NewRow, 'action' | 'rule'> {
  readonly action: StoreAction
  /** Bytes of its frames. */
  readonly bytes: number
  /** Of strict events: one for each record of a chunk, else one. */
  readonly claims: readonly Claim[]
}
