import { log } from '@temporalio/activity'
import type { ActivityInterceptors } from '@temporalio/worker'
import { runAs } from './activity-actor.ts'
import { readActor } from './actor-header.ts'

/** Exposes the caller that the workflow put on the activity as `currentActor()` of `activity-actor.ts`. */
export const activityInterceptors = (): ActivityInterceptors => ({
  inbound: {
    execute: (input, next) =>
      runAs(
        readActor(input.headers, (message) => log.warn(message)),
        () => next(input),
      ),
  },
})
