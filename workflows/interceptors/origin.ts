import type { Headers } from '@temporalio/common'
import { workflowInfo, type WorkflowInfo } from '@temporalio/workflow'
import type { Origin } from '../../agent/messages.ts'
import { readOrigin } from './actor-header.ts'

/** Parents remembered. Envelopes of workflows further up prove nothing to those so far down. */
const MAX_ANCESTORS = 10

/**
 * Where the envelope that started this run came in. Headers of a first run were written by whoever started it, and prove
 * nothing; those of a child or of a run that continues another one were written by workflow code, as the server tells.
 *
 * A run that Temporal itself started again (workflow retry policy, cron) has the first one's headers: nothing in them is
 * believed, so it counts as started when it was.
 */
export function startOrigin(headers: Headers, info: WorkflowInfo = workflowInfo()): Origin {
  const { parent, namespace, continuedFromExecutionRunId, attempt, cronSchedule, startTime } = info
  const isChild = parent?.namespace === namespace
  const continues = continuedFromExecutionRunId !== undefined && attempt === 1 && !cronSchedule
  const told = isChild || continues ? readOrigin(headers) : undefined
  const ancestors = [...(isChild ? [parent.workflowId] : []), ...(told?.ancestors ?? [])]
  return { at: told?.at ?? startTime.getTime(), ancestors: [...new Set(ancestors)].slice(0, MAX_ANCESTORS) }
}

/** Where the envelope of a signal came in: at the workflow task that handles it, which replays to the same time. */
export function signalOrigin({ ancestors }: Origin): Origin {
  return { at: Date.now(), ancestors }
}
