import { requestOf } from '../parse-request.ts'
import { Fields } from './fields.ts'
import type { RecordedRequest } from './recorded.ts'

/**
 * One entry of an HTTP Archive (HAR 1.2), with the credentials that it holds.
 * @returns undefined when it is none
 */
export function readHarEntry(value: unknown): RecordedRequest | undefined {
  const fields = new Fields(value)
  const method = fields.text('request.method')
  const url = fields.text('request.url')
  const headers = fields.at('request.headers')
  if (method === undefined || url === undefined || !Array.isArray(headers)) return undefined
  const header = headers.flatMap((one: unknown) => {
    const field = new Fields(one)
    const name = field.text('name') ?? ''
    // HTTP/2 and 3 have names that begin with a colon for what stands in the URL.
    return name === '' || name.startsWith(':') ? [] : [`${name}: ${field.text('value') ?? ''}`]
  })
  const at = Date.parse(fields.text('startedDateTime') ?? '')
  try {
    const request = requestOf({ request: `${method} ${url}`, header })
    return {
      format: 'HAR',
      request: { ...request, ...(!Number.isNaN(at) && { at }) },
      outcome: undefined,
      caller: undefined,
      unknown: new Set(['connection.source', 'connection.tlsVersion', 'connection.alpn', 'verdict']),
    }
  } catch {
    // A URL of another scheme (data:, wss:), a header that is none.
    return undefined
  }
}
