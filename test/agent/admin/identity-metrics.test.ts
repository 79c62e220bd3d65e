import { createAgent } from 'node-spoe'
import { describe, expect, it } from 'vitest'
import { createRegistry } from '../../../agent/admin/metrics.ts'
import { configWith } from '../identity/support/config.ts'
import { DecisionCounters } from '../../../agent/counters.ts'
import type { Dispatcher } from '../../../agent/dispatch/dispatcher.ts'
import { Counters } from '../../../agent/dispatch/counters.ts'
import { createAuthenticator } from '../../../agent/identity/authenticator.ts'
import type { DpopVerifier } from '../../../agent/identity/dpop/verifier.ts'
import { Revocations } from '../../../agent/identity/revocation/revocations.ts'
import type { Scheme } from '../../../agent/identity/scheme.ts'
import { createSchemes } from '../../../agent/identity/schemes.ts'
import { boundTo, proofOf, requestWith, verifierOf } from '../identity/dpop/support.ts'
import { setUp, withCookies } from '../identity/forward-auth/support.ts'
import { memoryLog } from '../identity/support/provider.ts'
import { testKey, type TestKey } from '../identity/support/tokens.ts'
import { rulesOf } from '../rules/support.ts'

const { rules } = rulesOf('rules:\n  - { name: a, identity: none }\n')

/** What a scrape sees of these schemes and verifiers, without the prefix of all names. */
function scraperOf(schemes: readonly Scheme[], dpop?: ReadonlyMap<string, DpopVerifier>): () => Promise<string[]> {
  const clocks = { now: Date.now, monotonicMs: () => performance.now(), log: memoryLog() }
  const registry = createRegistry({
    spop: createAgent({ messages: {} }),
    authenticator: createAuthenticator([], { log: clocks.log, schemes: () => schemes }),
    revocations: new Revocations(undefined, clocks),
    dispatcher: {
      counters: () => new Counters(['a']).read(),
      state: () => ({ temporal: 'connected', outboxRows: 0, connections: [], pausedRules: [], deniedRules: [] }),
    } as unknown as Dispatcher,
    decisions: new DecisionCounters(rules),
    dpop,
  })
  return async () =>
    (await registry.metrics())
      .split('\n')
      .filter((line) => /^haproxy_temporal_(?:remote|dpop|jwks|identity_key)/.test(line))
      .map((line) => line.replace('haproxy_temporal_', ''))
}

describe('providers that ask somebody', () => {
  it('show what they remember and how it goes, by the provider alone, the same at every scrape', async () => {
    await using sso = await setUp({ cache: { maxStale: '1m' }, concurrency: 1 })
    const scrape = scraperOf([sso.scheme])
    expect(await scrape()).toContain('remote_cache_entries{provider="sso"} 0')
    const alice = withCookies('_oauth2_proxy=alice')
    await sso.outcome(alice)
    await sso.outcome(alice)
    sso.reply(401)
    for (let i = 0; i < 2; i++) await sso.outcome(withCookies('_oauth2_proxy=nobody'))
    const under = sso.outcome(withCookies('_oauth2_proxy=slow'))
    await sso.outcome(withCookies('_oauth2_proxy=too-many'))
    expect(await scrape()).toContain('remote_in_flight{provider="sso"} 1')
    await under
    sso.clock.advance(10_000)
    sso.reply(503)
    await sso.outcome(alice)
    for (let i = 0; i < 2; i++) {
      expect(await scrape()).toEqual([
        'remote_cache_hits_total{provider="sso"} 1',
        'remote_cache_negative_hits_total{provider="sso"} 1',
        'remote_cache_misses_total{provider="sso"} 5',
        'remote_cache_evictions_total{provider="sso"} 0',
        'remote_stale_answers_total{provider="sso"} 1',
        'remote_overload_total{provider="sso"} 1',
        'remote_cache_entries{provider="sso"} 1',
        'remote_cache_negative_entries{provider="sso"} 2',
        'remote_cache_bytes{provider="sso"} 4096',
        'remote_in_flight{provider="sso"} 0',
        'remote_questions_total{provider="sso",result="ok"} 3',
        'remote_questions_total{provider="sso",result="failed"} 1',
        'remote_breaker_open{provider="sso"} 0',
        'remote_away{provider="sso"} 0',
        'remote_answer_age_seconds{provider="sso"} 10',
      ])
    }
  })

  it('show whether they are left alone, and whether they are away', async () => {
    await using sso = await setUp()
    const scrape = scraperOf([sso.scheme])
    sso.reply(429)
    for (let i = 0; i < 9; i++) await sso.outcome(withCookies(`_oauth2_proxy=${i}`))
    const left = await scrape()
    expect(left).toContain('remote_breaker_open{provider="sso"} 1')
    expect(left).toContain('remote_away{provider="sso"} 0')
    expect(left.join()).not.toContain('remote_answer_age_seconds')
    sso.server.answer('/oauth2/auth', (_request, response) => void response.socket?.destroy())
    for (let i = 10; i < 15; i++) {
      sso.clock.advance(10_000)
      await sso.outcome(withCookies(`_oauth2_proxy=${i}`))
    }
    expect(await scrape()).toContain('remote_away{provider="sso"} 1')
  })

  it('are no providers with keys of their own', async () => {
    await using sso = await setUp()
    const own: Pick<Scheme, 'name' | 'locations' | 'status'> = {
      name: 'partners',
      locations: [],
      status: () => ({ provider: 'partners', keys: 2, ageS: 1, stale: false, fetches: { ok: 1, failed: 0 } }),
    }
    const lines = await scraperOf([sso.scheme, own as Scheme])()
    expect(lines.filter((line) => line.startsWith('identity_key'))).toEqual([
      'identity_keys{provider="partners"} 2',
      'identity_keys_age_seconds{provider="partners"} 1',
      'identity_key_fetches_total{provider="partners",result="ok"} 1',
      'identity_key_fetches_total{provider="partners",result="failed"} 0',
    ])
    expect(lines.join()).not.toMatch(/remote_.*partners/)
  })
})

it('those with keys of their own, of whatever kind, are told of as such, and not as publishers of keys', async () => {
  const config = configWith(`  providers:
    mesh: { kind: certificate, source: uri, trustDomains: example.org, caFile: /nowhere/ca.pem }
    partners: { kind: api_key, file: /nowhere/keys.yaml }
    hooks: { kind: webhook, scheme: github, secrets: { file: /nowhere/secret } }
    users:
      preset: alb
      signer: arn:aws:elasticloadbalancing:eu-west-1:111122223333:loadbalancer/app/edge/50dc6c495c0c9188
      client: orders
      issuer: https://id.example.com
`)
  const clocks = { now: Date.now, monotonicMs: () => performance.now(), log: memoryLog() }
  const schemes = createSchemes(config.identity.providers, clocks)
  const lines = await scraperOf(schemes)()
  for (const scheme of schemes) scheme.close?.()
  expect(lines.filter((line) => line.startsWith('identity_keys{'))).toEqual(
    ['mesh', 'partners', 'hooks', 'users'].map((name) => `identity_keys{provider="${name}"} 0`),
  )
  expect(lines.filter((line) => line.startsWith('jwks'))).toEqual([])
})

describe('proofs of possession', () => {
  it('show what is remembered and why the store refused, by provider', async () => {
    const dpop = new Map([
      ['corp', verifierOf({ replayLimits: { maxEntries: 2, maxPerKey: 1 } })],
      ['bank', verifierOf()],
    ])
    const scrape = scraperOf([], dpop)
    const [one, two, three] = [testKey('ES256'), testKey('ES256'), testKey('ES256')]
    const ask = (key: TestKey, proof = proofOf(key)) => dpop.get('corp')?.verify(boundTo(key), requestWith(proof))
    const proof = proofOf(one)
    expect([ask(one, proof), ask(one, proof), ask(one, proof)]).toEqual([undefined, 'dpop_replayed', 'dpop_replayed'])
    expect([ask(one), ask(two), ask(three)]).toEqual(['rate_limited', undefined, 'overload'])
    for (let i = 0; i < 2; i++) {
      expect(await scrape()).toEqual([
        'dpop_proofs{provider="corp"} 2',
        'dpop_proofs{provider="bank"} 0',
        'dpop_refusals_total{provider="corp",cause="replayed"} 2',
        'dpop_refusals_total{provider="corp",cause="full"} 1',
        'dpop_refusals_total{provider="corp",cause="busy"} 1',
        'dpop_refusals_total{provider="bank",cause="replayed"} 0',
        'dpop_refusals_total{provider="bank",cause="full"} 0',
        'dpop_refusals_total{provider="bank",cause="busy"} 0',
      ])
    }
  })

  it('show nothing where no provider wants them', async () => {
    expect(await scraperOf([])()).toEqual([])
  })
})
