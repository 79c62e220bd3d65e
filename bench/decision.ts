import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import { parseConfig } from '../agent/config/load.ts'
import { DEMO_AUDIENCE, startIdentityProvider } from '../agent/dev/identity-provider.ts'
import { reservePort } from '../agent/dev/ports.ts'
import { waitUntil } from '../agent/dev/process.ts'
import { ROOT } from '../agent/dev/tools.ts'
import { createAuthenticator } from '../agent/identity/authenticator.ts'
import { providerConfigs } from '../agent/identity/provider-configs.ts'
import { compileRules } from '../agent/rules/compile.ts'
import { decider } from './deciding.ts'
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

    const decide = decider(ruleSet, authenticator)
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
        { label: 'public route', unit: 'us', measure: () => cpuMicros(CALLS, () => decide({ path: '/public/x' })) },
        {
          label: 'known token, metered',
          unit: 'us',
          measure: () => cpuMicros(CALLS, () => decide({ path: '/api/x', token })),
        },
        {
          label: 'first sight of a token (ES256)',
          unit: 'us',
          async measure() {
            const tokens = await fresh()
            return cpuMicros(TOKENS, (i) => decide({ path: '/api/x', token: tokens[i] ?? '' }))
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
