import type { WorkerOptions } from '@temporalio/worker'
import type { EnvelopeVerifier } from '../agent/actor/proof.ts'
import { createActivities, type ActivityDependencies } from './activities/index.ts'
import { actorActivities } from './activities/verify-actor.ts'
import type { WorkflowBundle } from './bundle.ts'
import { activityInterceptors } from './interceptors/activity.ts'

/** A version of the worker's code, as Temporal's worker versioning knows it. */
export interface WorkerDeployment {
  /** What all versions of these workers share. */
  readonly name: string
  /** What only workers of the same code share. */
  readonly buildId: string
}

/**
 * Makes a worker take tasks only as a version of a deployment: Temporal gives it new workflows once the version is
 * current. Each shipped workflow says what becomes of its running ones; those that do not stay on their version.
 */
export function versioned({ name, buildId }: WorkerDeployment): Pick<WorkerOptions, 'workerDeploymentOptions'> {
  return {
    workerDeploymentOptions: {
      version: { deploymentName: name, buildId },
      useWorkerVersioning: true,
      defaultVersioningBehavior: 'PINNED',
    },
  }
}

/** What makes a worker ours, whatever connection and queue it has: the workflows, the activities, the identity. */
export function workerParts(
  bundle: WorkflowBundle,
  dependencies?: ActivityDependencies,
  verifier?: EnvelopeVerifier,
): Pick<WorkerOptions, 'workflowBundle' | 'activities' | 'interceptors'> {
  return {
    workflowBundle: bundle,
    activities: { ...createActivities(dependencies), ...actorActivities },
    interceptors: { activity: [activityInterceptors(verifier)] },
  }
}
