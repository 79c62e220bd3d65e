import type { WorkerOptions } from '@temporalio/worker'
import { createActivities, type ActivityDependencies } from './activities/index.ts'
import type { WorkflowBundle } from './bundle.ts'
import { activityInterceptors } from './interceptors/activity.ts'

/** What makes a worker ours, whatever connection and queue it has: the workflows, the activities, the identity. */
export function workerParts(
  bundle: WorkflowBundle,
  dependencies?: ActivityDependencies,
): Pick<WorkerOptions, 'workflowBundle' | 'activities' | 'interceptors'> {
  return {
    workflowBundle: bundle,
    activities: createActivities(dependencies),
    interceptors: { activity: [activityInterceptors] },
  }
}
