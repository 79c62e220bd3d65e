import * as http from 'node:http'
import * as https from 'node:https'
import { FetchError } from './fetch-error.ts'
import type { ConnectionPool } from './pool.ts'
import { proxyFor, type ProxySetting } from './proxy.ts'
import { TunnelAgent } from './tunnel.ts'

export interface HttpOptions {
  /** Default GET. */
  readonly method?: 'GET' | 'POST'
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  /** Milliseconds until the whole answer must be here, waiting for a connection included. */
  readonly timeoutMs: number
  /** A longer body is cut off and refused. */
  readonly maxBytes: number
  /** PEM certificates to trust instead of the default ones. */
  readonly ca?: string | undefined
  /** PEM certificate chain and key shown to the server. */
  readonly clientCertificate?: { readonly cert: string; readonly key: string } | undefined
  /** For https targets; http ones are on this machine and asked directly. A pool has its own setting, which counts then. */
  readonly proxy?: ProxySetting | undefined
  readonly signal: AbortSignal
  /** Connections to use again; without it each request has one of its own. */
  readonly pool?: ConnectionPool | undefined
  /** Names in small letters of the answer's header fields that are wanted. */
  readonly answerHeaders?: readonly string[]
}

export interface HttpAnswer {
  readonly status: number
  /** The wanted fields that are there, by name in small letters; several of one name as Node joins them. */
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly text: string
}

/** What Node says when the server closes a kept connection just as it is used again. */
const CLOSED_WHILE_IDLE: ReadonlySet<string | undefined> = new Set(['ECONNRESET', 'EPIPE'])

/**
 * One HTTP exchange, whatever its status. node:https and not fetch(), because fetch takes no CA and no client certificate
 * without undici's own package. Redirects are never followed: they would carry us to hosts nobody configured (cloud
 * metadata services among them). A request that fails on a kept connection before any answer is sent once more on a new
 * one (RFC 9112 section 9.3.1): use it for questions only, not for what must happen once.
 * @throws {FetchError} everything that is no whole, small enough, uncompressed answer
 */
export async function httpRequest(url: URL, options: HttpOptions): Promise<HttpAnswer> {
  // Without a certificate in it Node takes an empty text for none, and trusts every authority of the system.
  if (options.ca?.includes('-----BEGIN ') === false) throw new FetchError('caFile holds no certificate')
  const deadline = performance.now() + options.timeoutMs
  const kept = options.pool?.agentFor(url)
  const first = await exchange(url, options, options.timeoutMs, kept)
  if (first !== 'closed_while_idle') return first
  const second = await exchange(url, options, Math.max(1, deadline - performance.now()), undefined)
  if (second === 'closed_while_idle') throw new FetchError('the connection was closed early')
  return second
}

function exchange(
  url: URL,
  options: HttpOptions,
  timeoutMs: number,
  kept: http.Agent | undefined,
): Promise<HttpAnswer | 'closed_while_idle'> {
  const { promise, resolve, reject } = Promise.withResolvers<HttpAnswer | 'closed_while_idle'>()
  const tunnel = kept === undefined ? singleTunnel(url, options, timeoutMs) : undefined
  let request: http.ClientRequest
  try {
    request = send(url, options, kept ?? tunnel ?? false)
  } catch {
    // Node's own message may hold what it was given.
    throw new FetchError('the request cannot be made: an address, a header or a certificate is not valid')
  }
  let status = 0
  const fail = (message: string): void => {
    reject(new FetchError(status >= 300 ? `HTTP ${status}: ${message}` : message, status === 0 ? {} : { status }))
    request.destroy()
  }
  const timer = setTimeout(fail, timeoutMs, `no answer within ${options.timeoutMs} ms`)
  timer.unref()
  // Not the request's own option: a request that waits for its connection would not be told.
  const stop = (): void => fail('stopped')
  if (options.signal.aborted) stop()
  options.signal.addEventListener('abort', stop)
  request.on('error', (error: NodeJS.ErrnoException) => {
    if (request.reusedSocket && status === 0 && CLOSED_WHILE_IDLE.has(error.code)) resolve('closed_while_idle')
    fail(error instanceof FetchError ? error.message : `connection failed (${error.code ?? error.name})`)
  })
  request.on('close', () => fail('the connection was closed early')) // without effect once settled
  request.on('response', (response) => {
    status = response.statusCode ?? 0
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
      if (!response.complete) return fail('the connection was closed early')
      const headers = wanted(response.headers, options.answerHeaders ?? [])
      resolve({ status, headers, text: Buffer.concat(chunks).toString('utf8') })
    })
  })
  request.end(options.body)
  return promise.finally(() => {
    clearTimeout(timer)
    options.signal.removeEventListener('abort', stop)
    tunnel?.destroy()
  })
}

function send(url: URL, options: HttpOptions, agent: http.Agent | false): http.ClientRequest {
  return (url.protocol === 'https:' ? https : http).request(url, {
    agent,
    method: options.method ?? 'GET',
    headers: {
      'user-agent': 'haproxy-temporal',
      'accept-encoding': 'identity',
      ...options.headers,
      ...(options.body === undefined ? {} : { 'content-length': Buffer.byteLength(options.body) }),
    },
    ...(options.ca === undefined ? {} : { ca: options.ca }),
    ...options.clientCertificate,
  })
}

function singleTunnel(url: URL, options: HttpOptions, timeoutMs: number): TunnelAgent | undefined {
  const proxy = proxyFor(url, options.pool === undefined ? options.proxy : options.pool.proxy)
  return proxy === undefined ? undefined : new TunnelAgent(proxy, timeoutMs)
}

function wanted(headers: http.IncomingHttpHeaders, names: readonly string[]): HttpAnswer['headers'] {
  const found = Object.create(null) as Record<string, string>
  for (const name of names) {
    const value = headers[name]
    if (value !== undefined) found[name] = typeof value === 'string' ? value : value.join(', ')
  }
  return found
}
