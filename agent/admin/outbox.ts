import type { IncomingMessage, ServerResponse } from 'node:http'
import { suggest } from '../config/suggest.ts'
import type { OutboxAnswer, OutboxRequest } from '../dispatch/store/outbox-calls.ts'
import type { Log } from '../identity/log.ts'
import { MAX_BODY, readObject } from './body.ts'
import { type Answer, type CallerRules, failure, refusalOf, refusalOfCaller, send } from './call.ts'
import { outboxRequest, OutboxRequestError } from './outbox-request.ts'

export interface OutboxCallOptions extends CallerRules {
  /** `outbox` of the dispatcher. Never rejects. */
  readonly ask: (request: OutboxRequest) => Promise<OutboxAnswer>
  /** Names of all rules: to pause another one would hold nothing back. */
  readonly rules: () => readonly string[]
  readonly log: Log
  /** Milliseconds since the epoch. */
  readonly now: () => number
}

/** Ids, keys and bodies name people: even who only wants to look must be somebody who may. */
const WORDS = { what: 'calls to the outbox', instead: 'What is in it stands in GET /outbox.' }
const DOCS = 'See docs/outbox.md.'

const READS = new Map<string, OutboxRequest['call']>([
  ['/outbox', 'status'],
  ['/outbox/rows', 'list'],
  ['/outbox/event', 'show'],
])
const CHANGES = new Map<string, OutboxRequest['call']>(
  (['redrive', 'purge', 'replay', 'pause', 'resume'] as const).map((call) => [`/outbox/${call}`, call]),
)

/** Whether a path is one of these calls. */
export function isOutboxPath(path: string): boolean {
  return path === '/outbox' || path.startsWith('/outbox/')
}

/**
 * `GET /outbox`, `/outbox/rows` and `/outbox/event`, and what is asked for by POST: see docs/outbox.md. For those who may
 * call `POST /reload`. Never throws, never rejects.
 */
export async function answerOutbox(
  request: IncomingMessage,
  response: ServerResponse,
  options: OutboxCallOptions,
): Promise<void> {
  let answer: Answer
  try {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://admin')
    const [read, change] = [READS.get(pathname), CHANGES.get(pathname)]
    if (read !== undefined) answer = await reading(read, request, searchParams, options)
    else if (change !== undefined) answer = await changing(change, request, options)
    else answer = failure(404, 'not_found', `there are ${[...READS.keys(), ...CHANGES.keys()].join(', ')}`, DOCS)
  } catch (error) {
    if (error instanceof OutboxRequestError) answer = failure(400, 'invalid_call', error.message, DOCS)
    else {
      options.log.error({ error: error instanceof Error ? error.name : typeof error }, 'a call to the outbox failed')
      answer = failure(500, 'internal_error', 'internal error', 'A defect of the agent.')
    }
  }
  send(request, response, answer)
}

async function reading(
  call: OutboxRequest['call'],
  { method, headers }: IncomingMessage,
  query: URLSearchParams,
  options: OutboxCallOptions,
): Promise<Answer> {
  if (method !== 'GET') return failure(405, 'method_not_allowed', 'only GET', DOCS, { allow: 'GET' })
  const refused = refusalOfCaller(headers, options, WORDS)
  if (refused !== undefined) return refused
  if (new Set(query.keys()).size !== query.size) throw new OutboxRequestError('a member is given twice')
  return answerOf(await options.ask(outboxRequest(call, Object.fromEntries(query), options.now())))
}

async function changing(
  call: OutboxRequest['call'],
  request: IncomingMessage,
  options: OutboxCallOptions,
): Promise<Answer> {
  const refused = refusalOf(request, options, WORDS)
  if (refused !== undefined) return refused
  const body = await readObject(request)
  if (body === 'large') return failure(413, 'too_large', `the body is longer than ${MAX_BODY} bytes`, DOCS)
  if (typeof body === 'string') return failure(400, 'not_json', 'the body is not a JSON object with unique keys', DOCS)
  const asked = outboxRequest(call, body, options.now())
  const unknown = asked.call === 'pause' ? await unknownRule(asked.rule, options) : undefined
  if (unknown !== undefined) return unknown
  const answer = await options.ask(asked)
  if (answer.ok && 'changed' in answer) {
    const table = 'table' in asked ? { table: asked.table } : {}
    const rule = 'filter' in asked ? asked.filter.rule : 'rule' in asked ? asked.rule : undefined
    const unreadable = answer.unreadable === undefined ? {} : { unreadable: answer.unreadable.events }
    const fields = { call, ...table, ...(rule !== undefined && { rule }), changed: answer.changed, ...unreadable }
    options.log.info(fields, `outbox: ${call} by the admin server`)
  }
  return answerOf(answer)
}

/** A rule that is gone from the configuration may still have events that wait. */
async function unknownRule(rule: string, { ask, rules }: OutboxCallOptions): Promise<Answer | undefined> {
  if (rules().includes(rule)) return undefined
  const waiting = await ask({ call: 'list', table: 'pending', filter: { rule }, limit: 1 })
  if (!waiting.ok) return answerOf(waiting)
  if ('rows' in waiting && waiting.rows.length > 0) return undefined
  const meant = suggest(rule, rules())
  const hint = meant === undefined ? 'Rules are named by agent.yaml.' : `Did you mean "${meant}"?`
  return failure(404, 'unknown_rule', 'there is no rule of that name', hint)
}

function answerOf(answer: OutboxAnswer): Answer {
  if (answer.ok) {
    const { ok: _, ...body } = answer
    return { status: 200, body }
  }
  if (answer.error.startsWith('no event ')) {
    const hint = 'It is delivered and not kept, or has another id: GET /outbox/rows lists them.'
    return failure(404, 'no_event', 'no event of that id in the outbox', hint)
  }
  return failure(503, 'outbox_failed', answer.error, DOCS)
}
