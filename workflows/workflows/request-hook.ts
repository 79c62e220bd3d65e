import {
  defineQuery,
  log,
  rootCause,
  scheduleActivity,
  setCurrentDetails,
  setHandler,
  type ActivityOptions,
} from '@temporalio/workflow'
import type { Actor, EdgeEvent } from '../../agent/messages.ts'
import { DEFAULT_HANDLER, NON_RETRYABLE_ERRORS, RESERVED_ACTIVITIES } from './activity-names.ts'
import type { HandlerOutput, HandlerResult } from '../activities/handler.ts'
import { currentActor } from '../interceptors/workflow-actor.ts'
import { code } from './markdown.ts'

/** The caller as results and statuses show it: enough to find the person, not the whole identity. */
export type Caller = Pick<Actor, 'type' | 'provider' | 'issuer' | 'subject' | 'tenant'>

/** Result of {@link requestHook}. */
export interface RequestHookResult {
  readonly type: string
  /** Handler that did the work: the type itself, or `recordRequest`. */
  readonly handledBy: string
  readonly eventId: string
  readonly caller: Caller
  readonly output: HandlerOutput
}

/** Answer of the query `status`. */
export interface RequestHookStatus {
  readonly type: string
  readonly eventId: string
  readonly caller: Caller
  readonly state: 'running' | 'done' | 'failed'
  readonly handledBy: string | null
  readonly error: string | null
}

export const statusQuery = defineQuery<RequestHookStatus>('status')

const OPTIONS = {
  startToCloseTimeout: '1 minute',
  // A day: whoever must mend what the handler calls gets the chance to, and the event is done then.
  scheduleToCloseTimeout: '24 hours',
  heartbeatTimeout: '30 seconds',
  retry: {
    initialInterval: '500 milliseconds',
    backoffCoefficient: 2,
    maximumInterval: '1 minute',
    nonRetryableErrorTypes: [...NON_RETRYABLE_ERRORS],
  },
} satisfies ActivityOptions

/**
 * Does the durable work behind one request: runs the activity that is named like the event's type. A type without a
 * handler reaches the worker's default activity, which records the request; the workflow does not know which types have
 * one, so that adding a handler changes no workflow code and breaks no replay.
 *
 * @throws ActivityFailure when the handler gave up: a non-retryable error, or 24 hours without success
 */
export async function requestHook(event: EdgeEvent): Promise<RequestHookResult> {
  const { type, id: eventId } = event
  const caller = toCaller(currentActor() ?? event.actor)
  let status: RequestHookStatus = { type, eventId, caller, state: 'running', handledBy: null, error: null }
  const show = (change: Partial<RequestHookStatus>) => {
    status = { ...status, ...change }
    setCurrentDetails(details(event, status))
  }
  setHandler(statusQuery, () => status)
  show({})

  // A rule may be named like one of the worker's own activities; those must not be run with an event.
  const activity = RESERVED_ACTIVITIES.includes(type) ? DEFAULT_HANDLER : type
  try {
    const options = { ...OPTIONS, summary: summary(event) }
    const { handledBy, output } = await scheduleActivity<HandlerResult>(activity, [event], options)
    show({ state: 'done', handledBy })
    return { type, handledBy, eventId, caller, output }
  } catch (error) {
    show({ state: 'failed', error: rootCause(error) ?? String(error) })
    log.error('request handler gave up', { eventId, type, error: status.error })
    throw error
  }
}

function toCaller({ type, provider, issuer, subject, tenant }: Actor): Caller {
  return {
    type,
    ...(provider !== undefined && { provider }),
    ...(issuer !== undefined && { issuer }),
    ...(subject !== undefined && { subject }),
    ...(tenant !== undefined && { tenant }),
  }
}

/** One line for the UI. The server refuses more than 400 bytes, and a path may be thousands. */
function summary({ request }: EdgeEvent): string {
  return `${request.method} ${request.path}`.slice(0, 150)
}

/** Markdown for the UI. The parts that a client chose stand in code spans and cannot leave them. */
function details(event: EdgeEvent, { state, handledBy, error, caller }: RequestHookStatus): string {
  const lines = [
    `${code(summary(event))} from ${code(caller.subject ?? caller.type)}`,
    `- type: ${code(event.type)}, state: **${state}**${handledBy === null ? '' : `, handled by ${code(handledBy)}`}`,
  ]
  if (error !== null) lines.push(`- error: ${code(error.slice(0, 500))}`)
  return lines.join('\n')
}
