import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import type { MessageView, Reply } from 'node-spoe'
import { Actors } from '../agent/actor/actors.ts'
import { checkHandler } from '../agent/check.ts'
import { parseConfig } from '../agent/config/load.ts'
import type { CHECK_ARGUMENTS } from '../agent/evidence.ts'
import { DecisionCounters } from '../agent/counters.ts'
import { DEMO_AUDIENCE, startIdentityProvider } from '../agent/dev/identity-provider.ts'
import { reservePort } from '../agent/dev/ports.ts'
import { waitUntil } from '../agent/dev/process.ts'
import { ROOT } from '../agent/dev/tools.ts'
import type { Dispatcher } from '../agent/dispatch/dispatcher.ts'
import { createAuthenticator } from '../agent/identity/authenticator.ts'
import { providerConfigs } from '../agent/identity/provider-configs.ts'
import { compileRules } from '../agent/rules/compile.ts'
import { type Benchmark, cpuMicros, cpuMicrosAsync } from './harness.ts'

const CALLS = 20_000
const TOKENS = 1_000

/** The decision itself: the shipped rules, a real provider's tokens, without SPOP and without Temporal. */
export const decision: Benchmark = {
  name: 'decision',
  description: 'CPU of one decision of the shipped rules, beside what verifying the token alone costs with jose',
  rounds: 7,
  async prepare({ cleanup }) {
    const identity = await startIdentityProvider(await reservePort())
    cleanup.add(() => identity.close())
    const text = readFileSync(join(ROOT, 'agent.yaml'), 'utf8')
    const { config, document } = parseConfig('agent.yaml', text, { OIDC_ISSUER: identity.issuer })
    const ruleSet = compileRules(config, document)
    const log = { info() {}, warn() {}, error: console.error }
    const authenticator = createAuthenticator(providerConfigs(config), { log })
    cleanup.add(() => authenticator.close())
    authenticator.start()
    await waitUntil('the keys', async () => authenticator.ready())

    const dispatcher = { dispatch: () => true } as unknown as Dispatcher
    const counters = new DecisionCounters(ruleSet.rules)
    const handler = checkHandler({
      ruleSet,
      authenticator,
      dispatcher,
      counters,
      actors: new Actors(),
      wording: {
        realm: 'bench',
        retryAfterS: () => 1,
        dpopNonce: () => undefined,
        rateLimitKey: undefined,
        resourceMetadata: () => undefined,
      },
    })
    let allowed = false
    const reply = {
      settled: false,
      setVar(_: string, name: string, value: unknown) {
        if (name === 'decision') allowed = value === 'allow'
      },
    } as unknown as Reply
    const decide = (path: string, token?: string): void => {
      const auth = token === undefined ? undefined : `Bearer ${token}`
      const args = { id: '6B000000-x', method: 'GET', host: 'a', path, query: '', src: '192.0.2.1', tls: true, auth }
      const facts: Record<string, unknown> = { ...args, auth_count: auth === undefined ? 0 : 1 }
      const view = { get: (name: string) => facts[name] } as unknown as MessageView<typeof CHECK_ARGUMENTS>
      const result = handler.handle(view, reply)
      if (result !== undefined || !allowed) throw new Error('not allowed at once: this would measure something else')
    }

    const token = await identity.token('viewer')
    const now = Math.floor(Date.now() / 1000)
    let serial = 0
    const fresh = (): Promise<string[]> =>
      Promise.all(
        Array.from({ length: TOKENS }, () =>
          identity.sign({ sub: 'viewer', jti: String(serial++), iat: now, exp: now + 3600, roles: ['viewer'] }),
        ),
      )
    const jwks = createRemoteJWKSet(new URL(`${identity.issuer}/jwks`))
    const verify = { issuer: identity.issuer, audience: DEMO_AUDIENCE }
    return {
      cases: [
        { label: 'public route', unit: 'us', measure: () => cpuMicros(CALLS, () => decide('/public/x')) },
        { label: 'known token, metered', unit: 'us', measure: () => cpuMicros(CALLS, () => decide('/api/x', token)) },
        {
          label: 'first sight of a token (ES256)',
          unit: 'us',
          async measure() {
            const tokens = await fresh()
            return cpuMicros(TOKENS, (i) => decide('/api/x', tokens[i]))
          },
        },
        {
          label: 'jose jwtVerify alone (ES256)',
          unit: 'us',
          async measure() {
            const tokens = await fresh()
            return cpuMicrosAsync(TOKENS, (i) => jwtVerify(tokens[i] ?? '', jwks, verify))
          },
        },
      ],
      figures: (samples) => ({
        public_us: samples.median('public route'),
        known_us: samples.median('known token, metered'),
        known_vs_jose: samples.ratio('known token, metered', 'jose jwtVerify alone (ES256)'),
        first_vs_jose: samples.ratio('first sight of a token (ES256)', 'jose jwtVerify alone (ES256)'),
      }),
    }
  },
}
