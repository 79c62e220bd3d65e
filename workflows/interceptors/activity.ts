import { activityInfo, ApplicationFailure, log } from '@temporalio/activity'
import type { ActivityExecuteInput, ActivityInterceptors } from '@temporalio/worker'
import type { EnvelopeRefusal, EnvelopeResult, EnvelopeVerifier } from '../../agent/actor/proof.ts'
import { runAs } from './activity-actor.ts'
import { readActor, readEnvelope, readOrigin } from './actor-header.ts'

/** Activities that work for no caller, or answer themselves whether there is one. */
const WITHOUT_CALLER: ReadonlySet<string> = new Set(['storeUsage', 'actor.verify'])

/** Refusals that a later attempt may not meet: keys that have changed reach agents and workers at different times. */
const PASSING: ReadonlySet<EnvelopeRefusal> = new Set(['unknown_key', 'keys_unavailable'])

/**
 * Exposes the caller that the workflow put on the activity as `currentActor()` of `activity-actor.ts`. With a verifier,
 * his envelope is verified first: a caller whose envelope is wrong is never shown, and where the verifier says `require`,
 * work for a caller who is not proven is not done.
 */
export const activityInterceptors = (verifier?: EnvelopeVerifier) => (): ActivityInterceptors => ({
  inbound: {
    async execute(input, next) {
      const stated = readActor(input.headers, (message) => log.warn(message))
      if (verifier === undefined) return runAs(stated, () => next(input))
      const result = await prove(input, verifier)
      if (result.ok) return runAs(result.actor, () => next(input), true)
      const { activityType } = activityInfo()
      const nobody = stated === undefined && result.reason === 'missing'
      if (!nobody || !WITHOUT_CALLER.has(activityType)) log.warn('caller not proven', { reason: result.reason })
      // So that the answer "not proven" is not recorded for good, only because this worker has no key yet.
      const undecided = activityType === 'actor.verify' && PASSING.has(result.reason)
      if (undecided || (verifier.required && !WITHOUT_CALLER.has(activityType))) throw refusal(result.reason)
      // Without any envelope there is a claim; with a wrong one there is a forgery, or a mistake.
      return runAs(result.reason === 'missing' ? stated : undefined, () => next(input))
    },
  },
})

/** Everything but the envelope itself is what Temporal and our workflow interceptor say. */
async function prove({ headers }: ActivityExecuteInput, verifier: EnvelopeVerifier): Promise<EnvelopeResult> {
  const envelope = readEnvelope(headers)
  if (envelope === undefined) return { ok: false, reason: 'missing' }
  const { namespace, workflowExecution, scheduledTimestampMs } = activityInfo()
  // An activity without workflow was started by a client, headers and all.
  if (workflowExecution === undefined) return { ok: false, reason: 'other_workflow' }
  const { at, ancestors } = readOrigin(headers) ?? { at: scheduledTimestampMs, ancestors: [] }
  const workflowIds = [workflowExecution.workflowId, ...ancestors]
  return verifier.verify(envelope, { namespace, workflowIds, arrivedAt: at })
}

function refusal(reason: EnvelopeRefusal): ApplicationFailure {
  const message = `the caller is not proven: ${reason}`
  return PASSING.has(reason)
    ? ApplicationFailure.retryable(message, 'ActorKeyMissing')
    : ApplicationFailure.nonRetryable(message, 'Forbidden')
}
