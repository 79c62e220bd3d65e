import type { WorkerOptions } from '@temporalio/worker'
import type { EnvelopeVerifier } from '../agent/actor/proof.ts'
import { createActivities, type ActivityDependencies } from './activities/index.ts'
import type { WorkflowBundle } from './bundle.ts'
import { activityInterceptors } from './interceptors/activity.ts'
import { verifiedActor } from './interceptors/activity-actor.ts'

/** What makes a worker ours, whatever connection and queue it has: the workflows, the activities, the identity. */
export function workerParts(
  bundle: WorkflowBundle,
  dependencies?: ActivityDependencies,
  verifier?: EnvelopeVerifier,
): Pick<WorkerOptions, 'workflowBundle' | 'activities' | 'interceptors'> {
  return {
    workflowBundle: bundle,
    activities: {
      ...createActivities(dependencies),
      // Behind `verifiedActor()` of workflow code: the interceptor has done the work.
      'actor.verify': async () => verifiedActor() ?? null,
    },
    interceptors: { activity: [activityInterceptors(verifier)] },
  }
}
