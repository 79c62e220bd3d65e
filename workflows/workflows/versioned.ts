import { setWorkflowOptions } from '@temporalio/workflow'
import { auditTrail, requestHook, trafficWindow, usageMeter } from './index.ts'

/**
 * The workflows for workers that are versions of a deployment (`worker --deployment`): the same, and what becomes of those
 * under way when another version is made current. A bundle of its own, because the server refuses whatever a worker
 * without a version does for a workflow that says such a thing.
 */
export * from './index.ts'

// Over within a day at most: it ends on the version that it began on, whose workers have to stay for so long.
setWorkflowOptions({ versioningBehavior: 'PINNED' }, requestHook)

// An entity lives on and on, a quiet one without ever continuing as new: it would keep the workers of its first version
// for ever. It moves with its next task, so what a change of its code must pass is the replay of recorded histories.
for (const entity of [auditTrail, trafficWindow, usageMeter]) {
  setWorkflowOptions({ versioningBehavior: 'AUTO_UPGRADE' }, entity as (input: never) => Promise<void>)
}
