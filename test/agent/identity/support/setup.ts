import {
  createAuthenticator,
  type Authenticator,
  type AuthenticatorOptions,
} from '../../../../agent/identity/authenticator.ts'
import type { ProviderConfig } from '../../../../agent/identity/config.ts'
import type { AuthResult } from '../../../../agent/identity/identity.ts'
import { ask } from './evidence.ts'
import { startJwksServer, type JwksServer } from './jwks-server.ts'
import { FakeClock, memoryLog, provider, until } from './provider.ts'
import type { TestKey } from './tokens.ts'

/** One issuer on loopback, an authenticator that has its keys, and clocks that stand still. */
export interface Setup {
  readonly server: JwksServer
  readonly auth: Authenticator
  readonly log: ReturnType<typeof memoryLog>
  readonly clock: FakeClock
  readonly monotonic: FakeClock
  /** Claims that provider `corp` accepts, with changes; undefined leaves a claim out. */
  claims(changes?: object): Record<string, unknown>
  /** Authenticates `Bearer <token>` with provider `corp` alone. */
  check(token: string): AuthResult | Promise<AuthResult>
  [Symbol.asyncDispose](): Promise<void>
}

export async function setUp(
  keys: readonly TestKey[],
  overrides: Partial<ProviderConfig> = {},
  options: Partial<AuthenticatorOptions> = {},
): Promise<Setup> {
  const server = await startJwksServer()
  server.publish(keys.map((key) => key.jwk))
  const [log, clock, monotonic] = [memoryLog(), new FakeClock(), new FakeClock(1000)]
  const auth = createAuthenticator([provider(server.issuer, overrides)], {
    now: clock.now,
    monotonicMs: monotonic.now,
    log,
    ...options,
  })
  auth.start()
  await until(() => auth.ready())
  return {
    server,
    auth,
    log,
    clock,
    monotonic,
    claims: (changes = {}) => ({
      iss: server.issuer,
      sub: 'user-1',
      aud: 'orders-api',
      iat: clock.seconds,
      exp: clock.seconds + 600,
      ...changes,
    }),
    check: (token) => ask(auth, `Bearer ${token}`, 1, ['corp']),
    async [Symbol.asyncDispose]() {
      auth.close()
      await server[Symbol.asyncDispose]()
    },
  }
}

/** The deny reason, or `ok`. */
export async function outcome(result: AuthResult | Promise<AuthResult>): Promise<string> {
  const settled = await result
  return settled.ok ? 'ok' : settled.reason
}
