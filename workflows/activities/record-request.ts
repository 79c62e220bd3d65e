import { log } from '@temporalio/activity'
import type { Handler } from './handler.ts'
import { currentActor } from '../interceptors/activity-actor.ts'

/** The default handler: writes the request to the worker's log. The history of the workflow is the durable record. */
export const recordRequest: Handler = async (event) => {
  const { method, host, path } = event.request
  const subject = currentActor()?.subject ?? null
  log.info('request recorded', { eventId: event.id, type: event.type, method, host, path, subject })
  return { recorded: true, subject }
}
