import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { parseTcpAddress } from '../config/address.ts'
import type { AgentConfig } from '../config/schema.ts'
import { OTHER_RULE } from '../dispatch/counters.ts'
import type { Log } from '../identity/log.ts'
import type { AgentParts } from '../parts.ts'
import { SecretSource } from '../secrets/secret-file.ts'
import { VERSION } from '../version.ts'
import { isLoopback } from './loopback.ts'
import { createRegistry } from './metrics.ts'
import { answerOutbox, isOutboxPath, type OutboxCallOptions } from './outbox.ts'
import { answerReload, type ReloadCallOptions } from './reload.ts'
import { answerRevocation, type RevocationCallOptions } from './revocations.ts'

/** `admin` of agent.yaml. */
export type AdminSettings = NonNullable<AgentConfig['admin']>

export interface AdminServer {
  /** `http://host:port`, with the port that was bound. */
  readonly url: string
  /** From now on `/readyz` says no, whatever else holds. */
  setDraining(): void
  close(): Promise<void>
}

/**
 * `/metrics` (Prometheus), `/healthz` (the process answers), `/readyz` (it can decide) and `/status` (JSON), for everybody
 * who reaches it: let it listen where only operators and Prometheus do. `POST /revocations`, `POST /reload` and the calls
 * below `/outbox` are for some only, see {@link answerRevocation}, {@link answerReload} and {@link answerOutbox}.
 *
 * Ready means that every required provider has keys. Temporal is told but not asked for: decisions do not need it, and
 * taking the agents of a whole fleet out because Temporal is away would shut the front door.
 */
export async function startAdminServer(settings: AdminSettings, parts: AgentParts, log: Log): Promise<AdminServer> {
  const registry = createRegistry(parts)
  const token = settings.token === undefined ? undefined : new SecretSource(settings.token, log)
  let revocationCall: RevocationCallOptions | undefined
  let reloadCall: ReloadCallOptions | undefined
  let outboxCall: OutboxCallOptions | undefined
  let draining = false
  const server = createServer((request, response) => {
    const [path = ''] = (request.url ?? '').split('?', 1)
    if (path === '/revocations' && revocationCall !== undefined) {
      return void answerRevocation(request, response, revocationCall)
    }
    if (path === '/reload' && reloadCall !== undefined) return void answerReload(request, response, reloadCall)
    if (isOutboxPath(path) && outboxCall !== undefined) return void answerOutbox(request, response, outboxCall)
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
          config: parts.config?.status(),
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
        return sendText(
          response,
          404,
          'here are /metrics /healthz /readyz /status /outbox, POST /revocations and POST /reload\n',
        )
    }
  })
  server.headersTimeout = 5000
  server.requestTimeout = 10_000
  const { host, port } = parseTcpAddress(settings.listen)
  await token?.start()
  await listen(server, host, port)
  const bound = server.address() as AddressInfo
  // Where it is bound, not what agent.yaml says: a name such as localhost may stand for another address.
  const callers = { token, isLocal: isLoopback(bound.address) }
  revocationCall = {
    // Getters: a reload may put others in their place.
    get revocations() {
      return parts.revocations
    },
    get providers() {
      return parts.authenticator.counters.providers.filter((name) => name !== '')
    },
    ...callers,
    log,
    now: Date.now,
  }
  const { config, dispatcher } = parts
  outboxCall = {
    ...callers,
    ask: (call) => dispatcher.outbox(call),
    rules: () => Object.keys(dispatcher.counters().rules).filter((name) => name !== OTHER_RULE),
    log,
    now: Date.now,
  }
  if (config !== undefined) reloadCall = { ...callers, log, reload: (trigger) => config.reload(trigger) }
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${bound.port}`,
    setDraining: () => {
      draining = true
    },
    close: () =>
      new Promise((resolve) => {
        token?.close()
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
