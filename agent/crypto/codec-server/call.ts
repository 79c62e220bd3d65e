import type { IncomingMessage, ServerResponse } from 'node:http'
import { type Answer, failure, send } from '../../admin/call.ts'
import type { Log } from '../../identity/log.ts'
import { CipherError } from '../cipher-error.ts'
import { isEncrypted, type Payload } from '../payload-cipher.ts'
import type { BodyProblem, BodyReader } from './body.ts'
import { type CallerRules, pageHeaders, preflight, refusalOf } from './callers.ts'
import { MAX_PAYLOADS, parsePayloads, payloadsJson, type PayloadsProblem } from './payload-json.ts'

/** The part of `PayloadKeys` that calls need. */
export interface CallKeys {
  encode(payload: Payload): Payload
  decode(payload: Payload): Promise<Payload>
}

export interface CodecCallOptions extends CallerRules {
  readonly keys: CallKeys
  readonly bodies: BodyReader
  readonly log: Log
}

/** Characters of a namespace that get into the log: it comes from the caller. */
const SHOWN = 100

/**
 * One request of Temporal's codec protocol: `POST …/decode` and `POST …/encode`, whatever stands before that in the path.
 * Never throws, never rejects.
 */
export async function answerCodecCall(
  request: IncomingMessage,
  response: ServerResponse,
  options: CodecCallOptions,
): Promise<void> {
  let answer: Answer
  try {
    answer = await answerOf(request, options)
  } catch (error) {
    if (error instanceof CipherError) answer = failure(503, error.problem, error.message, 'See the log.')
    else {
      options.log.error(
        { error: error instanceof Error ? error.name : typeof error },
        'a codec call failed unexpectedly',
      )
      answer = failure(500, 'internal_error', 'internal error', 'A defect of the codec server.')
    }
  }
  const headers = { ...answer.headers, ...pageHeaders(request.headers.origin, options) }
  send(request, response, { ...answer, headers })
}

async function answerOf(request: IncomingMessage, options: CodecCallOptions): Promise<Answer> {
  const { method, headers } = request
  const kind = /\/(encode|decode)$/.exec((request.url ?? '').split('?', 1)[0] ?? '')?.[1]
  if (kind === undefined) return failure(404, 'not_found', 'nothing is here', 'Calls end in /decode or /encode.')
  if (method === 'OPTIONS') return preflight(headers.origin, options)
  if (method !== 'POST') {
    return failure(405, 'method_not_allowed', 'only POST', 'See docs/encryption.md.', { allow: 'POST, OPTIONS' })
  }
  const refused = refusalOf(headers, options)
  if (refused !== undefined) return refused
  // Pages of other sites cannot send this type without asking first.
  if (!/^application\/json *(?:;|$)/i.test(headers['content-type'] ?? '')) {
    return failure(415, 'not_json', 'the body is not application/json', 'Send "content-type: application/json".')
  }
  const body = await options.bodies.read(request)
  if (typeof body === 'string') return noBody(body)
  const payloads = parsePayloads(body)
  if (typeof payloads === 'string') return noBody(payloads)
  return kind === 'decode' ? decode(payloads, headers, options) : encode(payloads, headers, options)
}

/** A payload that cannot be decrypted stays as it is, so that what can be shown of a list is shown. */
async function decode(
  payloads: readonly Payload[],
  headers: IncomingMessage['headers'],
  { keys, log }: CodecCallOptions,
): Promise<Answer> {
  const problems = new Map<string, number>()
  const decoded: Payload[] = []
  let decrypted = 0
  for (const payload of payloads) {
    try {
      decoded.push(await keys.decode(payload))
      if (isEncrypted(payload)) decrypted++
    } catch (error) {
      if (!(error instanceof CipherError)) throw error
      problems.set(error.message, (problems.get(error.message) ?? 0) + 1)
      decoded.push(payload)
    }
  }
  for (const [problem, count] of problems) log.warn({ ...caller(headers), payloads: count, problem }, 'not decrypted')
  // Who looked at what is worth a line; a list that was plain is not.
  if (decrypted > 0) log.info({ ...caller(headers), payloads: decrypted }, 'decrypted')
  return { status: 200, body: payloadsJson(decoded) }
}

function encode(
  payloads: readonly Payload[],
  headers: IncomingMessage['headers'],
  { keys, log }: CodecCallOptions,
): Answer {
  const body = payloadsJson(payloads.map((payload) => keys.encode(payload)))
  log.info({ ...caller(headers), payloads: payloads.length }, 'encrypted')
  return { status: 200, body }
}

function caller(headers: IncomingMessage['headers']): object {
  const { origin, 'x-namespace': namespace } = headers
  return { ...(origin !== undefined && { origin }), namespace: String(namespace ?? '').slice(0, SHOWN) }
}

function noBody(problem: BodyProblem | PayloadsProblem): Answer {
  switch (problem) {
    case 'large':
      return failure(413, 'too_large', `more than 8 MiB, or than ${MAX_PAYLOADS} payloads`, 'Send them in parts.')
    case 'busy':
      return failure(503, 'busy', 'other calls are being read', 'Try again.')
    default:
      return failure(400, 'invalid', 'not a list of payloads', 'Send { "payloads": [{ "metadata": …, "data": … }] }.')
  }
}
