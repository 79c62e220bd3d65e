import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { parseTcpAddress } from '../config/address.ts'
import type { AgentParts } from '../parts.ts'
import { VERSION } from '../version.ts'
import { createRegistry } from './metrics.ts'

export interface AdminServer {
  /** `http://host:port`, with the port that was bound. */
  readonly url: string
  /** From now on `/readyz` says no, whatever else holds. */
  setDraining(): void
  close(): Promise<void>
}

/**
 * `/metrics` (Prometheus), `/healthz` (the process answers), `/readyz` (it can decide) and `/status` (JSON). It has no
 * authentication: let it listen where only operators and Prometheus reach it.
 *
 * Ready means that every required provider has keys. Temporal is told but not asked for: decisions do not need it, and
 * taking the agents of a whole fleet out because Temporal is away would shut the front door.
 */
export async function startAdminServer(address: string, parts: AgentParts): Promise<AdminServer> {
  const registry = createRegistry(parts)
  let draining = false
  const server = createServer((request, response) => {
    const path = (request.url ?? '').split('?', 1)[0]
    if (request.method !== 'GET' && request.method !== 'HEAD') return sendText(response, 405, 'only GET\n')
    switch (path) {
      case '/healthz':
        return sendText(response, 200, 'ok\n')
      case '/readyz': {
        const ready = !draining && parts.authenticator.ready() && parts.revocations.ready()
        return sendJson(response, ready ? 200 : 503, { ready, draining, ...dependencies(parts) })
      }
      case '/status':
        return sendJson(response, 200, {
          version: VERSION,
          ...dependencies(parts),
          revocations: parts.revocations.status(),
          audit: parts.audit?.status(),
          conservation: parts.dispatcher.counters(),
          spop: parts.spop.counters,
        })
      case '/metrics':
        registry.metrics().then(
          (text) => {
            response.writeHead(200, { 'content-type': registry.contentType }).end(text)
          },
          (error: unknown) => sendText(response, 500, `cannot render the metrics: ${String(error)}\n`),
        )
        return undefined
      default:
        return sendText(response, 404, 'here are /metrics /healthz /readyz /status\n')
    }
  })
  server.headersTimeout = 5000
  server.requestTimeout = 10_000
  const { host, port } = parseTcpAddress(address)
  await listen(server, host, port)
  const bound = server.address() as AddressInfo
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${bound.port}`,
    setDraining: () => {
      draining = true
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

function dependencies({ authenticator, dispatcher }: AgentParts): object {
  return { providers: authenticator.status(), temporal: dispatcher.state() }
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

function sendText(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(text)
}

function sendJson(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(`${JSON.stringify(body)}\n`)
}
