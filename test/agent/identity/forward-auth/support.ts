import type { IncomingMessage, ServerResponse } from 'node:http'
import { forwardAuthProvider, type ForwardAuthProvider } from '../../../../agent/config/providers/forward-auth.ts'
import type { Evidence, HeaderField } from '../../../../agent/identity/evidence.ts'
import { createForwardAuthScheme, type ForwardAuthScheme } from '../../../../agent/identity/forward-auth/scheme.ts'
import type { AuthResult } from '../../../../agent/identity/identity.ts'
import { evidenceOf } from '../support/evidence.ts'
import { type JwksServer, startJwksServer } from '../support/jwks-server.ts'
import { FakeClock, memoryLog } from '../support/provider.ts'

export interface Setup {
  readonly server: JwksServer
  readonly scheme: ForwardAuthScheme
  readonly clock: FakeClock
  readonly log: ReturnType<typeof memoryLog>
  /** What the auth server was asked, its own bookkeeping headers left out. */
  readonly questions: Record<string, string | string[] | undefined>[]
  reply(status: number, headers?: Record<string, string | string[]>, body?: string): void
  ask(evidence: Evidence): AuthResult | Promise<AuthResult>
  /** The deny reason, or the subject. */
  outcome(evidence: Evidence): Promise<string>
  [Symbol.asyncDispose](): Promise<void>
}

/** Settings as the loader makes them. */
export function settingsOf(raw: object): ForwardAuthProvider {
  return forwardAuthProvider.parse(raw)
}

/** A request with these cookies, and changes. */
export function withCookies(cookie: string, parts: Partial<Evidence> = {}, count = 1): Evidence {
  const headers = new Map<string, HeaderField>(parts.headers)
  if (cookie !== '') headers.set('cookie', { value: cookie, count })
  return evidenceOf({ ...parts, headers })
}

/** A scheme, and an auth server on loopback that knows everybody as alice. */
export async function setUp(changes: Record<string, unknown> = {}, path = '/oauth2/auth'): Promise<Setup> {
  const server = await startJwksServer()
  const [clock, log] = [new FakeClock(1000), memoryLog()]
  const questions: Setup['questions'] = []
  let answer = (response: ServerResponse): void => {
    response.writeHead(202, { 'x-auth-request-user': 'alice' }).end()
  }
  server.answer(path, (request: IncomingMessage, response) => {
    const { host: _, connection: _c, 'user-agent': _u, 'accept-encoding': _a, ...headers } = request.headers
    questions.push(headers)
    answer(response)
  })
  const scheme = createForwardAuthScheme(
    'sso',
    settingsOf({ kind: 'forward_auth', preset: 'oauth2-proxy', url: server.issuer, ...changes }),
    { now: Date.now, monotonicMs: clock.now, log },
  )
  scheme.start()
  const ask: Setup['ask'] = (evidence) => {
    for (const location of scheme.locations) {
      const credential = location.read(evidence)
      if (typeof credential === 'object') return credential
      if (credential !== undefined) return scheme.authenticate(credential, evidence)
    }
    return { ok: false, reason: 'no_credentials' }
  }
  return {
    server,
    scheme,
    clock,
    log,
    questions,
    reply(status, headers = {}, body = '') {
      answer = (response) => void response.writeHead(status, headers).end(body)
    },
    ask,
    async outcome(evidence) {
      const result = await ask(evidence)
      return result.ok ? result.identity.subject : result.reason
    },
    async [Symbol.asyncDispose]() {
      scheme.close()
      await server[Symbol.asyncDispose]()
    },
  }
}
