import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Log } from '../identity/log.ts'
import type { ReloadResult, ReloadTrigger } from '../reload/reloader.ts'
import { type Answer, type CallerRules, failure, refusalOf, send } from './call.ts'

export interface ReloadCallOptions extends CallerRules {
  readonly reload: (trigger: ReloadTrigger) => Promise<ReloadResult>
  readonly log: Log
}

const WORDS = { what: 'reloads', instead: 'What is in force stands in GET /status.' }

/** 422: the file has to change. 409: the file is right, and may be put in force later. */
const STATUSES = { invalid: 422, not_ready: 409, stopping: 409 } as const

/**
 * `POST /reload`: reads the configuration again and answers when it is in force, or why it is not. Its body says nothing
 * and is not read. For those who may call `POST /revocations` too. Never throws, never rejects.
 */
export async function answerReload(
  request: IncomingMessage,
  response: ServerResponse,
  options: ReloadCallOptions,
): Promise<void> {
  let answer: Answer
  try {
    answer = refusalOf(request, options, WORDS) ?? answerOf(await options.reload('admin'))
  } catch (error) {
    options.log.error({ error: error instanceof Error ? error.name : typeof error }, 'a reload failed unexpectedly')
    answer = failure(500, 'internal_error', 'internal error', 'A defect of the agent.')
  }
  send(request, response, answer)
}

function answerOf(result: ReloadResult): Answer {
  const { ok, ...body } = result
  return { status: result.ok ? 200 : STATUSES[result.cause], body: { reloaded: ok, ...body } }
}
