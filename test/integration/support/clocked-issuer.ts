import type { Authenticator, AuthenticatorOptions } from '../../../agent/identity/authenticator.ts'
import { type JwksServer, startJwksServer } from '../../agent/identity/support/jwks-server.ts'
import { signToken, testKey, type TestKey } from '../../agent/identity/support/tokens.ts'
import type { ClockedEdge } from '../../support/clocked-edge.ts'

/** An issuer whose keys the provider `corp` takes, which the rule of /api wants. */
export interface ClockedIssuer {
  readonly server: JwksServer
  readonly auth: Authenticator
  /** Claims that are accepted for ten minutes, with changes; undefined leaves one out. */
  claims(changes?: object): Record<string, unknown>
  token(key: TestKey, changes?: object, header?: object): string
  /** Lets the next fetch of keys happen now, and waits for its end: an unknown kid asks for it. */
  fetchNow(): Promise<void>
  /** What there was of fetches so far. */
  fetches(): { readonly ok: number; readonly failed: number }
  [Symbol.asyncDispose](): Promise<void>
}

export interface IssuerOptions extends Pick<AuthenticatorOptions, 'keyLimits' | 'cacheLimits'> {
  /** More of the provider, `, clockSkew: 0s`. */
  readonly provider?: string
  /** Before anybody asks it. */
  readonly prepare?: (server: JwksServer) => void
  /** More providers and rules, by the address of the issuer. */
  readonly more?: (issuer: string) => { readonly providers: string; readonly rules: string }
}

/** Milliseconds between two fetches that unknown kids cause. */
export const COOLDOWN = 30_000

const nobody = testKey('ES256', 'nobody')

/** Starts the issuer, and puts `corp` in force in place of all providers that were there. */
export async function startIssuer(
  edge: ClockedEdge,
  keys: readonly object[],
  { provider = '', more, prepare, ...limits }: IssuerOptions = {},
): Promise<ClockedIssuer> {
  const server = await startJwksServer()
  server.publish(keys)
  prepare?.(server)
  const { providers, rules } = more?.(server.issuer) ?? { providers: '', rules: '' }
  const auth = await edge.use(
    `identity:
  providers:
    corp: { issuer: "${server.issuer}", audience: orders-api${provider} }
${providers}
rules:
  - { name: api, match: { path: /api }, identity: { require: corp } }
${rules}`,
    limits,
  )
  const claims = (changes: object = {}): Record<string, unknown> => ({
    iss: server.issuer,
    sub: 'alice',
    aud: 'orders-api',
    iat: edge.clock.seconds,
    exp: edge.clock.seconds + 600,
    ...changes,
  })
  const token = (key: TestKey, changes?: object, header?: object): string => signToken(key, claims(changes), header)
  return {
    server,
    auth,
    claims,
    token,
    async fetchNow() {
      edge.monotonic.advance(COOLDOWN)
      await edge.ask('/api', token(nobody))
    },
    fetches: () => auth.status()[0]?.fetches ?? { ok: 0, failed: 0 },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
}
