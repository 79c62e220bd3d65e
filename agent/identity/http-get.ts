import * as http from 'node:http'
import * as https from 'node:https'

/** A fetch that failed. The message is ours alone: never the peer's bytes, never a secret. */
export class FetchError extends Error {
  override readonly name = 'FetchError'
}

export interface GetOptions {
  /** Milliseconds until the whole answer must be here. */
  readonly timeoutMs: number
  /** A longer body is cut off and refused. */
  readonly maxBytes: number
  /** PEM certificates to trust instead of the default ones. */
  readonly ca?: string | undefined
  readonly signal: AbortSignal
}

export interface JsonAnswer {
  readonly body: unknown
  readonly cacheControl: string | undefined
}

/**
 * GET of a JSON document. node:https and not fetch(), because fetch takes no CA without undici's own package. Redirects
 * are never followed: they would carry us to hosts nobody configured (cloud metadata services among them).
 * @throws {FetchError} anything but a whole, small enough 200 answer with JSON
 */
export async function getJson(url: URL, options: GetOptions): Promise<JsonAnswer> {
  const { text, cacheControl } = await get(url, options)
  try {
    return { body: JSON.parse(text) as unknown, cacheControl }
  } catch {
    throw new FetchError('the answer is not JSON') // V8's own message quotes the body
  }
}

function get(url: URL, options: GetOptions): Promise<{ text: string; cacheControl: string | undefined }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ text: string; cacheControl: string | undefined }>()
  const request = (url.protocol === 'https:' ? https : http).request(url, {
    agent: false, // one request per minutes: a kept connection would only be found dead
    headers: { accept: 'application/json, application/jwk-set+json' },
    signal: options.signal,
    ...(options.ca === undefined ? {} : { ca: options.ca }),
  })
  const fail = (message: string): void => {
    reject(new FetchError(message))
    request.destroy()
  }
  const timer = setTimeout(fail, options.timeoutMs, `no answer within ${options.timeoutMs} ms`)
  timer.unref()
  request.on('error', (error: NodeJS.ErrnoException) => fail(`connection failed (${error.code ?? error.name})`))
  request.on('close', () => {
    clearTimeout(timer)
    fail('the connection was closed early') // without effect once settled
  })
  request.on('response', (response) => {
    const status = response.statusCode ?? 0
    if (status >= 300 && status < 400) return fail(`HTTP ${status}: redirects are not followed`)
    if (status !== 200) return fail(`HTTP ${status}`)
    if ((response.headers['content-encoding'] ?? 'identity') !== 'identity') return fail('the answer is compressed')
    const chunks: Buffer[] = []
    let bytes = 0
    response.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes > options.maxBytes) return fail(`the answer is longer than ${options.maxBytes} bytes`)
      chunks.push(chunk)
    })
    response.on('error', () => fail('the connection was closed early'))
    response.on('end', () => {
      resolve({ text: Buffer.concat(chunks).toString('utf8'), cacheControl: response.headers['cache-control'] })
    })
  })
  request.end()
  return promise
}
