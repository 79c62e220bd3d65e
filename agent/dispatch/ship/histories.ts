import type { TemporalCalls } from '../temporal/calls.ts'
import { STATUS } from '../classify.ts'
import type { Job } from './job.ts'

/**
 * Bytes of a history at which its workflow gets no more signals until a worker has taken it further. The server ends a
 * run beyond 50 MB (`limit.historySize.error`), with every signal in it that no worker has seen: what it had taken, and
 * the agent counted as delivered, would be lost.
 */
export const FULL_BYTES = 16 * 1024 * 1024
/** Bytes of signals to one workflow between two looks at its history: with those in flight it stays far below. */
export const LOOK_BYTES = 4 * 1024 * 1024
/** Workflows that are remembered; one that was idle for longest begins anew. */
const MAX_WORKFLOWS = 20_000

interface Known {
  /** Bytes of signals since the last look. */
  sent: number
  full: boolean
}

/**
 * How long the histories of entity workflows get that are signalled much, while their workers are away or too slow. One
 * for a namespace. A busy key costs one more call for every {@link LOOK_BYTES}, all others none.
 */
export class Histories {
  readonly #known = new Map<string, Known>()

  /** Counts what a job is about to add. Returns whether the history should be looked at before. */
  isDue(job: Job): boolean {
    const { kind } = job.action
    if (kind !== 'meter' && kind !== 'signal' && kind !== 'window') return false
    const { workflowId } = job.first
    let known = this.#known.get(workflowId)
    if (known === undefined) known = { sent: 0, full: false }
    // The one that was used last comes last.
    else this.#known.delete(workflowId)
    this.#known.set(workflowId, known)
    if (this.#known.size > MAX_WORKFLOWS) for (const oldest of this.#known.keys()) return this.#forget(oldest)
    for (const { body } of job.parcels) known.sent += body.length
    return known.full || known.sent >= LOOK_BYTES
  }

  /**
   * Looks at the history of a job's workflow. Resolves to whether it is too long to be added to; never rejects, for a look
   * that fails says nothing: the call itself will meet the same.
   */
  async look(job: Job, namespace: string, calls: Pick<TemporalCalls, 'describe'>): Promise<boolean> {
    const { workflowId } = job.first
    let bytes = 0
    try {
      const answer = await calls.describe({ namespace, execution: { workflowId } })
      bytes = Number(answer.workflowExecutionInfo?.historySizeBytes ?? 0)
    } catch (error) {
      // Where there is no workflow there is no history.
      if ((error as { code?: unknown } | null)?.code !== STATUS.NOT_FOUND) return false
    }
    const known = this.#known.get(workflowId)
    const full = bytes >= FULL_BYTES
    if (known !== undefined) {
      known.full = full
      known.sent = 0
    }
    return full
  }

  #forget(workflowId: string): false {
    this.#known.delete(workflowId)
    return false
  }
}
