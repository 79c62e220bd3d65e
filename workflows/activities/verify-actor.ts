import type { Actor } from '../../agent/messages.ts'
import { verifiedActor } from '../interceptors/activity-actor.ts'

/** What stands behind `verifiedActor()` of workflow code: the interceptor has done the work. */
export const actorActivities = {
  'actor.verify': async (): Promise<Actor | null> => verifiedActor() ?? null,
}
