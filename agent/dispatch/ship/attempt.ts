import type { temporal } from '@temporalio/proto'
import type { Rpc } from '../classify.ts'
import type { TemporalCalls } from '../temporal/calls.ts'
import { attributesOf } from './attributes.ts'
import type { Caller } from './caller.ts'
import type { Job } from './job.ts'
import type { MissingAttributes } from './missing-attributes.ts'
import {
  type Asked,
  cancelRequest,
  eventOf,
  signalRequest,
  signalWithStartRequest,
  startRequest,
  terminateRequest,
} from './request.ts'

/** What of an answer is looked at. */
export interface Answer {
  readonly started?: boolean | null
}

/** One call on its way. */
export interface Attempt {
  readonly job: Job
  readonly rpc: Rpc
  /** Milliseconds of the monotonic clock. */
  readonly startedAt: number
  readonly searchAttributes: temporal.api.common.v1.ISearchAttributes | undefined
  /** It ended with a look at the workflow: the call itself was not made. */
  readonly onlyLooked?: true
}

/** The call that a job is made of now. */
export function rpcOf({ action, call, noWorkflow }: Job): Rpc {
  const { kind } = action
  if (kind === 'start' || kind === 'cancel' || kind === 'terminate') return kind
  if (!action.starts) return 'signal'
  // A second signalWithStart would end the delay of the first; a signal does not (measured on Server 1.32).
  const delayed = call.startDelayMs !== undefined && call.startDelayMs > 0
  return delayed && !noWorkflow ? 'signal' : 'signalWithStart'
}

/**
 * Begins one call. Throws, or rejects, what `TemporalCalls` does.
 *
 * @throws EncodeError when the payload codec cannot encode; whatever else makes a request that can never be sent
 */
export function begin(
  job: Job,
  caller: Caller,
  calls: TemporalCalls,
  missing: MissingAttributes,
  startedAt: number,
): { readonly attempt: Attempt; readonly answer: Promise<Answer> } {
  const rpc = rpcOf(job)
  const event = eventOf(job)
  const starts = rpc === 'start' || rpc === 'signalWithStart'
  const wanted = starts ? attributesOf(job, caller, event) : undefined
  const searchAttributes =
    wanted === undefined || job.withoutAttributes ? undefined : missing.allowed(wanted, startedAt)
  job.unindexed = searchAttributes !== wanted
  const attempt = { job, rpc, startedAt, searchAttributes }
  return { attempt, answer: send(rpc, calls, { job, caller, event, searchAttributes }) }
}

function send(rpc: Rpc, calls: TemporalCalls, asked: Asked): Promise<Answer> {
  switch (rpc) {
    case 'start':
      return calls.start(startRequest(asked))
    case 'signalWithStart':
      return calls.signalWithStart(signalWithStartRequest(asked))
    case 'signal':
      return calls.signal(signalRequest(asked)) as Promise<Answer>
    case 'cancel':
      return calls.cancel(cancelRequest(asked)) as Promise<Answer>
    case 'terminate':
      return calls.terminate(terminateRequest(asked)) as Promise<Answer>
  }
}
