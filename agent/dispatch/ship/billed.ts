import type { Rpc, Verdict } from '../classify.ts'
import type { WorkflowAction } from '../command.ts'
import { type Counters, SLOT } from '../counters.ts'

/**
 * Actions that Temporal Cloud bills for a call with that outcome: one for a workflow that was started, one for a signal,
 * none for a start that was recognised as a repetition nor for a call that failed (docs.temporal.io/cloud/actions).
 * Cancelling and terminating count as one. An estimate: what a repetition of an answered call is billed, what fairness
 * keys add where they are in force, and what the workflow does, the agent cannot see.
 */
export function billedActions(rpc: Rpc, verdict: Verdict, response: { readonly started?: boolean | null }): number {
  if (verdict.kind !== 'delivered') return 0
  return rpc === 'signalWithStart' && response.started === true ? 2 : 1
}

/** Counts what is billed for a call of a rule; for summaries of windows apart too, because a budget reckons with both. */
export function countBilled(
  counters: Counters,
  { rule, kind }: Pick<WorkflowAction, 'rule' | 'kind'>,
  actions: number,
): void {
  const row = counters.row(rule)
  counters.add(row, SLOT.actions, actions)
  if (kind !== 'window') return
  counters.add(row, SLOT.summaries)
  counters.add(row, SLOT.summaryActions, actions)
}
