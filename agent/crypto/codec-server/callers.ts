import type { IncomingHttpHeaders } from 'node:http'
import { type Answer, failure } from '../../admin/call.ts'
import { namesLoopback } from '../../admin/loopback.ts'
import { equalText } from '../../identity/dpop/equal-text.ts'
import { MIN_KEY_CHARACTERS } from '../../identity/pseudonym.ts'
import type { Secret } from '../../secrets/secret.ts'

/** Who may have payloads decrypted. */
export interface CallerRules {
  /** What callers show as bearer token; undefined where they show none. `current`: undefined while it cannot be read. */
  readonly token: { readonly current: Secret | undefined } | undefined
  /** Origins of pages that may call, `scheme://host[:port]` each; what is no page of a browser has none. */
  readonly origins: ReadonlySet<string>
}

/** Header fields that the page of Temporal's UI sends. */
const PAGE_HEADERS = 'authorization, authorization-extras, content-type, x-namespace'

/** What lets a page of an origin read the answer; nothing where it may not. */
export function pageHeaders(origin: string | undefined, { origins }: CallerRules): Readonly<Record<string, string>> {
  if (origin === undefined || !origins.has(origin)) return { vary: 'origin' }
  return { vary: 'origin', 'access-control-allow-origin': origin, 'access-control-allow-credentials': 'true' }
}

/** The answer to a browser that asks before it lets a page call. */
export function preflight(origin: string | undefined, rules: CallerRules): Answer {
  return (
    strangePage(origin, rules) ?? {
      status: 200,
      body: {},
      headers: {
        'access-control-allow-methods': 'POST',
        'access-control-allow-headers': PAGE_HEADERS,
        'access-control-max-age': '600',
      },
    }
  )
}

/** Why a caller is refused. */
export function refusalOf(headers: IncomingHttpHeaders, rules: CallerRules): Answer | undefined {
  const refused = strangePage(headers.origin, rules)
  if (refused !== undefined) return refused
  if (rules.token !== undefined) return unproven(headers.authorization, rules.token.current)
  // The server is on loopback then: only the page of a site that was made to stand for it (DNS rebinding) has another name.
  if (namesLoopback(headers.host)) return undefined
  return failure(403, 'not_local', 'not a call of this machine', 'Call it by 127.0.0.1, [::1] or localhost.')
}

function strangePage(origin: string | undefined, { origins }: CallerRules): Answer | undefined {
  if (origin === undefined || origins.has(origin)) return undefined
  return failure(403, 'origin_refused', 'pages of this origin may not call', 'Name the origin of the UI with --origin.')
}

function unproven(authorization: string | undefined, secret: Secret | undefined): Answer | undefined {
  const expected = secret?.reveal()
  if (expected === undefined || expected.length < MIN_KEY_CHARACTERS) {
    const hint = `The file of --token-file cannot be read, or holds fewer than ${MIN_KEY_CHARACTERS} characters.`
    return failure(503, 'token_unavailable', 'callers cannot be known now', hint)
  }
  const shown = /^bearer +([^ ]+) *$/i.exec(authorization ?? '')?.[1]
  if (shown !== undefined && equalText(shown, expected)) return undefined
  const hint = 'Send "authorization: Bearer" and the token; temporal does with --codec-auth "Bearer …".'
  return failure(401, 'token_wrong', 'the token is missing or wrong', hint, {
    'www-authenticate': 'Bearer realm="haproxy-temporal codec server"',
  })
}
