import { describe, expect, it, onTestFinished } from 'vitest'
import { apiKeyProvider } from '../../../agent/config/providers/api-key.ts'
import { certificateProvider } from '../../../agent/config/providers/certificate.ts'
import { webhookProvider } from '../../../agent/config/providers/webhook.ts'
import { createAuthenticator } from '../../../agent/identity/authenticator.ts'
import { createSchemes } from '../../../agent/identity/schemes.ts'
import { anyOf } from './support/evidence.ts'
import { hang, startJwksServer, text } from './support/jwks-server.ts'
import { FakeClock, memoryLog, provider, until } from './support/provider.ts'
import { setUp } from './support/setup.ts'
import { signToken, testKey } from './support/tokens.ts'

// What `failOpen` asks of the kinds that keep what they judge by; those that ask somebody have tests of their own.
const HOUR = 3_600_000
const key = testKey('ES256', 'one')
const corp = anyOf('corp')

describe('an issuer of signed tokens', () => {
  it('is not away while its keys serve, however its endpoint fails', async () => {
    await using t = await setUp([key])
    t.server.answer('/jwks', text('', 503))
    t.monotonic.advance(600_000 + HOUR)
    expect(t.auth.isAway(corp)).toBe(false)
  })

  it('is away once they are too old, and back with the next ones', async () => {
    await using t = await setUp([key], {}, { keyLimits: { minBackoffMs: 5, maxBackoffMs: 5 } })
    t.server.answer('/jwks', text('', 503))
    t.monotonic.advance(30_000)
    await t.check(signToken(testKey('ES256', 'nobody'), t.claims())) // looks for the unknown key, and fails
    t.monotonic.advance(600_000 + HOUR)
    expect(t.auth.isAway(corp)).toBe(true)
    t.server.publish([key.jwk])
    await until(() => !t.auth.isAway(corp))
  })

  it('is away before its first keys, and where it never answers', async () => {
    await using server = await startJwksServer()
    server.answer('/jwks', hang)
    const auth = createAuthenticator([provider(server.issuer)], { log: memoryLog() })
    onTestFinished(() => auth.close())
    expect(auth.isAway(corp)).toBe(true)
    auth.start()
    await until(() => server.requests.includes('/jwks'))
    expect(auth.isAway(corp)).toBe(true)
  })

  it('is not away by what a token holds: an unknown key, another algorithm, no issuer of ours', async () => {
    await using t = await setUp([key])
    for (const token of [
      signToken(testKey('ES256', 'nobody'), t.claims()),
      signToken(testKey('ES384', 'one'), t.claims()),
      signToken(key, t.claims({ iss: 'https://evil.example' })),
      'a.b.c',
    ]) {
      expect(await t.check(token)).toMatchObject({ ok: false })
      expect(t.auth.isAway(corp)).toBe(false)
    }
  })

  it('is away when one of several under its name is', async () => {
    await using t = await setUp([key])
    const both = createAuthenticator([provider(t.server.issuer), provider('http://127.0.0.1:1')], { log: memoryLog() })
    onTestFinished(() => both.close())
    both.start()
    await until(() => both.status()[0]?.keys === 1)
    expect(both.isAway(corp)).toBe(true)
  })
})

describe('of several providers', () => {
  it('those that a rule names are asked, no other', async () => {
    await using t = await setUp([key])
    const providers = [provider(t.server.issuer), { ...provider('http://127.0.0.1:1'), name: 'gone' }]
    const auth = createAuthenticator(providers, { log: memoryLog() })
    onTestFinished(() => auth.close())
    auth.start()
    await until(() => auth.status()[0]?.keys === 1)
    expect([anyOf('corp'), anyOf('gone'), anyOf('corp', 'gone')].map((them) => auth.isAway(them))).toEqual([
      false,
      true,
      true,
    ])
  })
})

describe('kinds that ask nobody', () => {
  const schemeOf = (settings: object) => {
    const clock = new FakeClock()
    const [scheme] = createSchemes(
      { own: settings as never },
      { now: clock.now, monotonicMs: clock.now, log: memoryLog() },
    )
    if (scheme === undefined) throw new Error('no scheme')
    onTestFinished(() => scheme.close?.())
    scheme.start?.()
    return scheme
  }
  const missing = '/nonexistent/file'

  it('API keys are away until their file was read', async () => {
    const scheme = schemeOf(apiKeyProvider.parse({ kind: 'api_key', file: missing }))
    await until(() => scheme.status?.().lastError !== undefined)
    expect(scheme.isAway?.()).toBe(true)
  })

  it('webhooks are away without a usable secret', async () => {
    const settings = { kind: 'webhook', scheme: 'stripe' }
    const here = schemeOf(webhookProvider.parse({ ...settings, secrets: 'whsec_test-only-0123456789abcdef' }))
    await until(() => here.status?.().keys === 1)
    expect(here.isAway?.()).toBe(false)
    const gone = schemeOf(webhookProvider.parse({ ...settings, secrets: { file: missing } }))
    await until(() => gone.status?.().lastError !== undefined)
    expect(gone.isAway?.()).toBe(true)
  })

  it('certificates never are: HAProxy has checked them', () => {
    const settings = { kind: 'certificate', source: 'cn', allow: 'a', caFile: missing }
    expect('isAway' in schemeOf(certificateProvider.parse(settings))).toBe(false)
  })
})
