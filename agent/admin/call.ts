import type { IncomingMessage, ServerResponse } from 'node:http'
import { equalText } from '../identity/dpop/equal-text.ts'
import { MIN_KEY_CHARACTERS } from '../identity/pseudonym.ts'
import type { Secret } from '../secrets/secret.ts'
import { namesLoopback } from './loopback.ts'

/** Who may call what changes something. */
export interface CallerRules {
  /** Where callers prove themselves by a token; undefined where they need none. `current`: undefined while it cannot be read. */
  readonly token: { readonly current: Secret | undefined } | undefined
  /** Whether the server can be reached from this machine only. */
  readonly isLocal: boolean
}

/** How refusals name a call. */
export interface CallWords {
  /** What needs a token, in the plural. */
  readonly what: string
  /** What somebody who only wants to look may do. */
  readonly instead: string
}

/** What a call is answered with. */
export interface Answer {
  readonly status: number
  readonly body: object
  readonly headers?: Readonly<Record<string, string>>
}

/** Why a call is refused before its body is read. */
export function refusalOf(
  { method, headers }: IncomingMessage,
  rules: CallerRules,
  words: CallWords,
): Answer | undefined {
  if (method !== 'POST') {
    return failure(405, 'method_not_allowed', 'only POST', words.instead, { allow: 'POST' })
  }
  const refused = refusalOfCaller(headers, rules, words)
  if (refused !== undefined) return refused
  // Pages of other sites cannot send this type without asking first, and that question is refused.
  const [type = ''] = (headers['content-type'] ?? '').split(';', 1)
  if (type.trim().toLowerCase() === 'application/json') return undefined
  return failure(415, 'not_json', 'the body is not application/json', 'Send "content-type: application/json".')
}

/** Why a caller is refused, whatever is asked for: enough of an answer to who only reads. */
export function refusalOfCaller(
  headers: IncomingMessage['headers'],
  { token, isLocal }: CallerRules,
  words: CallWords,
): Answer | undefined {
  return token === undefined ? strange(headers, isLocal, words) : unproven(headers, token)
}

/** Without a token: callers of this machine, but no page in a browser of it. */
function strange(headers: IncomingMessage['headers'], isLocal: boolean, { what }: CallWords): Answer | undefined {
  if (!isLocal) {
    const hint = 'Set admin.token in agent.yaml, or let admin.listen be on loopback.'
    return failure(403, 'token_needed', `${what} need a token here`, hint)
  }
  if (headers.origin === undefined && namesLoopback(headers.host)) return undefined
  return failure(
    403,
    'not_local',
    'not a call of this machine',
    'Call it by 127.0.0.1, [::1] or localhost, not in a page.',
  )
}

function unproven(headers: IncomingMessage['headers'], { current }: { readonly current: Secret | undefined }) {
  const expected = current?.reveal()
  if (expected === undefined || expected.length < MIN_KEY_CHARACTERS) {
    const hint = `The file of admin.token cannot be read, or holds fewer than ${MIN_KEY_CHARACTERS} characters.`
    return failure(503, 'token_unavailable', 'callers cannot be known now', hint)
  }
  const shown = /^bearer +([^ ]+) *$/i.exec(headers.authorization ?? '')?.[1]
  if (shown !== undefined && equalText(shown, expected)) return undefined
  return failure(401, 'token_wrong', 'the token is missing or wrong', 'Send "authorization: Bearer" and admin.token.', {
    'www-authenticate': 'Bearer realm="haproxy-temporal admin"',
  })
}

export function failure(
  status: number,
  error: string,
  message: string,
  hint: string,
  headers: Readonly<Record<string, string>> = {},
): Answer {
  return { status, body: { error, message, hint }, headers }
}

export function send(request: IncomingMessage, response: ServerResponse, { status, body, headers = {} }: Answer): void {
  // What was not read of the body must not be taken for the next call.
  const close = request.complete ? {} : { connection: 'close' }
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store', ...close, ...headers })
  response.end(`${JSON.stringify(body)}\n`)
}
