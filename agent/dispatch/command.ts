import type { EdgeEvent } from '../messages.ts'

/** What may be lost: `memory` events die with the process, `durable` ones are on disk within milliseconds. */
export type Delivery = 'memory' | 'durable'

/** What a rule's `workflow` section compiles to: everything about the call that does not depend on the request. */
export interface WorkflowAction {
  /** `start`: one workflow per event. `signal`: signalWithStart per event. `meter`: signalWithStart per batch. */
  readonly kind: 'start' | 'signal' | 'meter'
  readonly rule: string
  readonly workflowType: string
  readonly taskQueue: string
  readonly delivery: Delivery
}

/**
 * One piece of work for Temporal, self-contained so that it survives a restart under another configuration.
 * `workflowId`: for `start` it is derived from the event id; for `signal` and `meter` from rule and key.
 */
export interface Command extends WorkflowAction {
  readonly workflowId: string
  /** Entity key; empty for `start`. */
  readonly key: string
  readonly event: EdgeEvent
}
