import { withPlainKeys } from '../json-scan.ts'
import { FetchError } from './fetch-error.ts'
import { httpRequest, type HttpOptions } from './request.ts'

/** Objects and arrays that may be open at once; discovery documents and key sets need four. */
const MAX_DEPTH = 16

export type GetOptions = Omit<HttpOptions, 'method' | 'body' | 'answerHeaders'>

export interface JsonAnswer {
  readonly body: unknown
  readonly cacheControl: string | undefined
  /** Seconds for which caches on the way have held the answer (RFC 9111 section 5.1); 0 when none says so. */
  readonly ageS: number
}

/**
 * GET of a JSON document.
 * @throws {FetchError} anything but a whole, small enough 200 answer with JSON
 */
export async function getJson(url: URL, options: GetOptions): Promise<JsonAnswer> {
  const { status, headers, text } = await httpRequest(url, {
    ...options,
    headers: { accept: 'application/json, application/jwk-set+json', ...options.headers },
    answerHeaders: ['cache-control', 'age', 'retry-after'],
  })
  if (status >= 300 && status < 400) throw new FetchError(`HTTP ${status}: redirects are not followed`, { status })
  if (status !== 200) throw new FetchError(`HTTP ${status}`, { status, retryAfterMs: retryAfter(status, headers) })
  const age = headers['age'] ?? ''
  const plain = withPlainKeys(text, MAX_DEPTH)
  if (plain === undefined) throw new FetchError('the answer names a key twice or nests too deeply', { status })
  try {
    const body = JSON.parse(plain) as unknown
    return { body, cacheControl: headers['cache-control'], ageS: /^\d{1,10}$/.test(age) ? Number(age) : 0 }
  } catch {
    throw new FetchError('the answer is not JSON', { status }) // V8's own message quotes the body
  }
}

/** Retry-After (RFC 9110 section 10.2.3) of an answer that says "later": seconds, or a date. */
function retryAfter(status: number, headers: Readonly<Record<string, string | undefined>>): number | undefined {
  const value = headers['retry-after']
  if (value === undefined || (status !== 429 && status !== 503)) return undefined
  if (/^\d{1,10}$/.test(value)) return Number(value) * 1000
  const date = /^[A-Za-z]{3}, \d{2} [A-Za-z]{3} \d{4} [\d:]{8} GMT$/.test(value) ? Date.parse(value) : Number.NaN
  return Number.isNaN(date) ? undefined : Math.max(0, date - Date.now())
}
