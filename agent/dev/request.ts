import { type Agent, request as httpsRequest } from 'node:https'
import type { UpstreamEcho } from './upstream.ts'

export interface EdgeResponse {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: string
  /** HAProxy's unique-id of the request; empty when it could not even answer so far. */
  readonly requestId: string
}

export interface EdgeRequest {
  readonly method: string
  readonly path: string
  /** A list sends the header once for each value. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>
  /** Sent whole, with its length. */
  readonly body?: Buffer
}

/**
 * Sends one request to the edge as a client would: TLS, verified against the development CA, the path as it stands.
 * @param connections pool to take the connection from; without one the request has a connection of its own
 */
export function sendToEdge(
  port: number,
  ca: string,
  { method, path, headers = {}, body }: EdgeRequest,
  connections?: Agent,
): Promise<EdgeResponse> {
  return new Promise((resolve, reject) => {
    const request = httpsRequest({
      host: '127.0.0.1',
      port,
      servername: 'localhost',
      ca,
      method,
      path,
      agent: connections ?? false,
      timeout: 15_000,
    })
    for (const [name, value] of Object.entries(headers)) request.setHeader(name, value)
    request.on('timeout', () => request.destroy(new Error(`no response to ${method} ${path} within 15 s`)))
    request.on('error', reject)
    request.on('response', (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', reject)
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(chunks).toString(),
          requestId: String(response.headers['x-request-id'] ?? ''),
        }),
      )
    })
    request.end(body)
  })
}

/** What the upstream said; `undefined` when HAProxy answered itself. */
export function echoOf(response: EdgeResponse): UpstreamEcho | undefined {
  if (response.headers['content-type'] !== 'application/json') return undefined
  return JSON.parse(response.body) as UpstreamEcho
}

/** `reason` of a problem+json answer. */
export function reasonOf(response: EdgeResponse): string | undefined {
  if (response.headers['content-type'] !== 'application/problem+json') return undefined
  return (JSON.parse(response.body) as { reason?: string }).reason
}
