import type { IncomingHttpHeaders } from 'node:http'
import { introspectionProvider, type IntrospectionProvider } from '../../../../agent/config/providers/introspection.ts'
import { createIntrospectionScheme, type IntrospectionScheme } from '../../../../agent/identity/introspection/scheme.ts'
import { type JwksServer, startJwksServer } from '../support/jwks-server.ts'
import { FakeClock, memoryLog, until } from '../support/provider.ts'

/** What the endpoint was asked. */
export interface Question {
  readonly headers: IncomingHttpHeaders
  readonly form: URLSearchParams
}

/** How the endpoint answers: a status, or 200; a text as it is, anything else as JSON. */
export interface Reply {
  readonly status?: number
  readonly headers?: Record<string, string>
  readonly body?: unknown
  /** The connection ends instead. */
  readonly drop?: boolean
}

export interface Setup {
  readonly server: JwksServer
  readonly scheme: IntrospectionScheme
  readonly clock: FakeClock
  readonly monotonic: FakeClock
  readonly log: ReturnType<typeof memoryLog>
  readonly questions: Question[]
  /** An active answer that all is well with, with changes; undefined leaves a member out. */
  active(changes?: object): Record<string, unknown>
  reply(reply: (question: Question) => Reply | Promise<Reply>): void
  /** The deny reason, or `ok`. */
  outcome(token?: string): Promise<string>
  /** Both clocks go on. */
  pass(ms: number): void
  [Symbol.asyncDispose](): Promise<void>
}

/** Settings as the loader makes them. */
export function settingsOf(raw: object): IntrospectionProvider {
  return introspectionProvider.parse(raw)
}

/** A scheme with an endpoint on loopback that says of every token that it is active. */
export async function setUp(changes: Record<string, unknown> = {}): Promise<Setup> {
  const server = await startJwksServer()
  const [clock, monotonic, log] = [new FakeClock(), new FakeClock(1000), memoryLog()]
  const questions: Question[] = []
  const active = (more: object = {}): Record<string, unknown> => ({
    active: true,
    iss: server.issuer,
    sub: 'alice',
    aud: 'orders-api',
    token_type: 'Bearer',
    scope: 'orders:read orders:write',
    iat: clock.seconds,
    exp: clock.seconds + 3600,
    ...more,
  })
  let replying: (question: Question) => Reply | Promise<Reply> = () => ({ body: active() })
  server.answer('/introspect', (request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const question = { headers: request.headers, form: new URLSearchParams(Buffer.concat(chunks).toString()) }
      questions.push(question)
      void Promise.resolve(replying(question)).then(({ status = 200, headers = {}, body = '', drop = false }) => {
        if (drop) return void response.destroy()
        response.writeHead(status, { 'content-type': 'application/json', ...headers })
        response.end(typeof body === 'string' ? body : JSON.stringify(body))
      })
    })
  })
  const scheme = createIntrospectionScheme(
    'corp',
    settingsOf({
      kind: 'introspection',
      issuer: server.issuer,
      endpoint: `${server.issuer}/introspect`,
      audience: 'orders-api',
      client: { id: 'edge', secret: 'test-only' },
      ...changes,
    }),
    { now: clock.now, monotonicMs: monotonic.now, log },
  )
  scheme.start()
  return {
    server,
    scheme,
    clock,
    monotonic,
    log,
    questions,
    active,
    reply(reply) {
      replying = reply
    },
    async outcome(token = 'opaque-1') {
      await until(() => scheme.ready())
      const result = await scheme.authenticate(token)
      return result.ok ? 'ok' : result.reason
    },
    pass(ms) {
      clock.advance(ms)
      monotonic.advance(ms)
    },
    async [Symbol.asyncDispose]() {
      scheme.close()
      await server[Symbol.asyncDispose]()
    },
  }
}
