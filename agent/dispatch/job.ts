import type { Command, WorkflowAction } from './command.ts'

/** One command on its way through the thread. */
export interface Entry {
  readonly command: Command
  /** Counter row of the command's rule. */
  readonly rule: number
  /** Row in the outbox; 0 while the event lives in memory only. */
  readonly seq: number
  /** `hot`: counts against the memory bound that the hot side checks. `disk`: read back from the outbox. */
  readonly from: 'hot' | 'disk'
}

/** One call to Temporal: one event, or the records of a meter batch. */
export interface Job {
  readonly action: WorkflowAction
  readonly workflowId: string
  readonly key: string
  readonly entries: readonly Entry[]
  /** The serialised records of a meter batch, one per entry; empty for other kinds. */
  readonly records: readonly string[]
  /** Jobs of one lane run one at a time and in order; undefined: nothing to keep in order. */
  readonly lane: string | undefined
  /** Attempts that ended, whatever their end. */
  attempts: number
}

/** Makes the job of a single event, for kinds that are not batched. */
export function jobOf(entry: Entry): Job {
  const { command } = entry
  return {
    action: command,
    workflowId: command.workflowId,
    key: command.key,
    entries: [entry],
    records: [],
    lane: command.kind === 'start' ? undefined : command.workflowId,
    attempts: 0,
  }
}
