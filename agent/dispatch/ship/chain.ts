import { STATUS } from '../classify.ts'
import type { TemporalCalls } from '../temporal/calls.ts'
import type { Job } from './job.ts'

/** Whether the job ends a workflow and nobody has looked yet which one that is. */
export function needsChain({ action: { kind }, chain }: Job): boolean {
  return chain === undefined && (kind === 'cancel' || kind === 'terminate')
}

/**
 * The first run of the workflow that has the id of the job now, which stands for all runs that follow from it: as new, by
 * a retry, by a reset. Temporal ends no other run for a call that names it, so a call that is repeated because its answer
 * was lost cannot end a workflow that was started under the same id meanwhile; no request id does that. Empty where it
 * cannot be known: an authorizer allows no look, or the server is too old to tell.
 *
 * @throws whatever else the look meets, which the call would meet too: that there is no such workflow, for one
 */
export async function chainOf(job: Job, namespace: string, calls: Pick<TemporalCalls, 'describe'>): Promise<string> {
  try {
    const answer = await calls.describe({ namespace, execution: { workflowId: job.first.workflowId } })
    return answer.workflowExecutionInfo?.firstRunId ?? ''
  } catch (error) {
    const { code } = (error ?? {}) as { code?: unknown }
    if (code === STATUS.PERMISSION_DENIED || code === STATUS.UNIMPLEMENTED) return ''
    throw error
  }
}
