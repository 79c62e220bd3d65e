import { hash } from 'node:crypto'
import type { Evidence } from '../evidence.ts'
import type { DenyReason } from '../reasons.ts'
import type { Dependency } from './presets.ts'

/** What a request asks of the auth server. */
export interface Question {
  readonly headers: Readonly<Record<string, string>>
  /** SHA-256 over everything that is told, base64url: two questions that differ in anything have different ones. */
  readonly key: string
}

export interface QuestionSettings {
  readonly per: ReadonlySet<Dependency>
  /** Further headers that go along, in small letters. */
  readonly forward: readonly string[]
}

/** `host[:port]` of RFC 9110 section 7.2, no user, no path. */
const HOST = /^(?:[A-Za-z0-9._-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?$/

/** A header value that Node sends as it is. */
const FIELD_VALUE = /^[\x20-\x7e]*$/

/** token of RFC 9110 section 5.6.2. */
const METHOD = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,32}$/

/**
 * The question about a request. The auth server is told of the request only what its answers are remembered for: were it
 * told the path while answers are remembered for the whole host, a yes for /public would be one for /admin.
 * @param credentials what proves the session, by header name: Cookie with nothing but the session's cookies, Authorization
 * @returns a reason when the request holds what cannot be told
 */
export function questionOf(
  credentials: Readonly<Record<string, string>>,
  evidence: Evidence,
  { per, forward }: QuestionSettings,
): Question | DenyReason {
  const { host, tls } = evidence
  if (per.has('host') && !HOST.test(host)) return 'ambiguous_host'
  const method = per.has('method') ? evidence.method : 'GET'
  if (!METHOD.test(method)) return 'malformed_token'
  const path = per.has('path') ? ascii(evidence.path) : '/'
  const uri = per.has('query') && evidence.query !== '' ? `${path}?${ascii(evidence.query)}` : path
  const headers: Record<string, string> = { ...credentials }
  for (const name of forward) {
    const field = evidence.headers.get(name)
    if (field === undefined) continue
    if (field.count > 1 || !FIELD_VALUE.test(field.value)) return 'malformed_token'
    headers[name] = field.value
  }
  const scheme = tls ? 'https' : 'http'
  headers['x-forwarded-method'] = method
  headers['x-forwarded-proto'] = scheme
  headers['x-forwarded-uri'] = uri
  headers['x-original-method'] = method
  if (per.has('host')) {
    headers['x-forwarded-host'] = host
    headers['x-original-url'] = `${scheme}://${host}${uri}`
  }
  if (per.has('source')) headers['x-forwarded-for'] = evidence.source
  return { headers, key: digestOf(headers) }
}

/** SHA-256, base64url. Names and values stand with their lengths, so that no two sets of headers are written alike. */
export function digestOf(headers: Readonly<Record<string, string>>): string {
  let text = ''
  for (const [name, value] of Object.entries(headers)) text += `${name.length}:${name}${value.length}:${value}`
  return hash('sha256', text, 'base64url')
}

/** What a URL cannot hold, escaped; a `#` too, behind which some would not look. The strings hold bytes as latin1. */
function ascii(text: string): string {
  return text.replace(
    /[^\x21\x22\x24-\x7e]/g,
    (byte) => `%${(byte.charCodeAt(0) & 0xff).toString(16).toUpperCase().padStart(2, '0')}`,
  )
}
