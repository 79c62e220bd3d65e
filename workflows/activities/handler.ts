import type { EdgeEvent } from '../../agent/messages.ts'

/** What a handler reports: small and plain, it becomes part of the workflow's result. */
export type HandlerOutput = Readonly<Record<string, string | number | boolean | null>>

/**
 * Activity code of one request type. Runs at least once per event, so its effects must be idempotent by `event.id`.
 * Takes the caller from `currentActor()` of interceptors/activity-actor.ts. One that works for longer than 30 seconds
 * must heartbeat; one that fails for good throws an ApplicationFailure of a type in NON_RETRYABLE_ERRORS.
 */
export type Handler = (event: EdgeEvent) => Promise<HandlerOutput>

/** Result of a handler's activity. */
export interface HandlerResult {
  readonly handledBy: string
  readonly output: HandlerOutput
}

/** Makes an activity of a handler; the activity says which handler it was. */
export function handlerActivity(handledBy: string, handler: Handler): (event: EdgeEvent) => Promise<HandlerResult> {
  return async (event) => ({ handledBy, output: await handler(event) })
}
