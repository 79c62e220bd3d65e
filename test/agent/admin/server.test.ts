import { createAgent } from 'node-spoe'
import { afterEach, describe, expect, it } from 'vitest'
import { type AdminServer, startAdminServer } from '../../../agent/admin/server.ts'
import { DecisionCounters } from '../../../agent/counters.ts'
import { Counters, SLOT } from '../../../agent/dispatch/counters.ts'
import type { Dispatcher } from '../../../agent/dispatch/dispatcher.ts'
import { outcomeColumn, outcomes } from '../../../agent/identity/counters.ts'
import type { Authenticator } from '../../../agent/identity/authenticator.ts'
import { Revocations } from '../../../agent/identity/revocation/revocations.ts'
import { rulesOf } from '../rules/support.ts'

const { rules } = rulesOf('rules:\n  - { name: a, identity: none }\n  - { name: b, deny: 403 }\n')

async function start(ready = true) {
  const decisions = new DecisionCounters(rules)
  const events = new Counters(['a', 'b'])
  const cache = { hits: 7, negativeHits: 0, misses: 2, evictions: 0, entries: 2 }
  const tokens = { providers: ['', 'corp'], results: new Float64Array(2 * outcomes.length), cache }
  tokens.results[outcomes.length + outcomeColumn('expired')] = 4
  const authenticator = {
    counters: tokens,
    ready: () => ready,
    status: () => [
      {
        provider: 'corp',
        issuer: 'https://login.example',
        keys: ready ? 2 : 0,
        ageS: ready ? 5 : null,
        stale: ready,
        fetches: { ok: 1, failed: 3 },
        nextFetchS: 7,
      },
      {
        provider: 'corp',
        issuer: 'https://other.example',
        keys: 0,
        ageS: null,
        stale: false,
        fetches: { ok: 0, failed: 0 },
      },
      { provider: 'partners', keys: 9, ageS: 1, stale: false, fetches: { ok: 1, failed: 0 } },
    ],
  } as unknown as Authenticator
  const log = { info() {}, warn() {}, error() {} }
  const revocations = new Revocations(undefined, { log, now: Date.now, monotonicMs: () => performance.now() })
  const dispatcher = {
    counters: () => events.read(),
    state: () => ({ temporal: 'connected', outboxRows: 0 }),
  } as unknown as Dispatcher
  const spop = createAgent({ messages: {} })
  const server = await startAdminServer('tcp://127.0.0.1:0', {
    spop,
    authenticator,
    revocations,
    dispatcher,
    decisions,
  })
  return { server, decisions, events }
}

describe('the admin server', () => {
  let server: AdminServer | undefined
  afterEach(() => server?.close())

  it('is ready when every required provider has keys, and says no while draining', async () => {
    const started = await start()
    server = started.server
    expect((await fetch(`${server.url}/readyz`)).status).toBe(200)
    server.setDraining()
    const response = await fetch(`${server.url}/readyz`)
    expect(response.status).toBe(503)
    expect(await response.json()).toMatchObject({ ready: false, draining: true, temporal: { temporal: 'connected' } })
    expect((await fetch(`${server.url}/healthz`)).status).toBe(200)
  })

  it('is not ready without keys, and tells whose are missing', async () => {
    server = (await start(false)).server
    const response = await fetch(`${server.url}/readyz`)
    expect(response.status).toBe(503)
    expect(await response.json()).toMatchObject({
      providers: [
        { provider: 'corp', issuer: 'https://login.example', keys: 0, nextFetchS: 7 },
        { provider: 'corp', issuer: 'https://other.example' },
        { provider: 'partners' },
      ],
    })
  })

  it('gives the same totals at every scrape', async () => {
    const started = await start()
    server = started.server
    started.decisions.decision(rules[0], 'ok')
    started.decisions.decision(rules[1], 'policy_denied')
    started.decisions.duration(0.00002)
    started.decisions.duration(10)
    started.decisions.outcome('a', 204)
    started.events.add(0, SLOT.received, 3)
    started.events.add(0, SLOT.taken, 3)
    started.events.add(0, SLOT.delivered, 2)
    started.events.add(0, SLOT.inMemory, 1)
    for (let scrape = 0; scrape < 2; scrape++) {
      const text = await (await fetch(`${server.url}/metrics`)).text()
      for (const line of [
        'haproxy_temporal_decisions_total{rule="a",reason="ok"} 1',
        'haproxy_temporal_decisions_total{rule="b",reason="ok"} 0',
        'haproxy_temporal_decisions_total{rule="b",reason="policy_denied"} 1',
        'haproxy_temporal_outcomes_total{rule="a",status="2xx"} 1',
        'haproxy_temporal_decision_seconds_bucket{le="0.000025"} 1',
        'haproxy_temporal_decision_seconds_bucket{le="+Inf"} 2',
        'haproxy_temporal_decision_seconds_count 2',
        'haproxy_temporal_events_received_total{rule="a"} 3',
        'haproxy_temporal_events_delivered_total{rule="a"} 2',
        'haproxy_temporal_events_pending{rule="a"} 1',
        'haproxy_temporal_temporal_connected 1',
        'haproxy_temporal_jwks_keys{provider="corp",issuer="https://login.example"} 2',
        'haproxy_temporal_jwks_keys{provider="corp",issuer="https://other.example"} 0',
        'haproxy_temporal_jwks_age_seconds{provider="corp",issuer="https://login.example"} 5',
        'haproxy_temporal_jwks_stale{provider="corp",issuer="https://login.example"} 1',
        'haproxy_temporal_jwks_fetch_total{provider="corp",issuer="https://login.example",result="ok"} 1',
        'haproxy_temporal_jwks_fetch_total{provider="corp",issuer="https://login.example",result="failed"} 3',
        'haproxy_temporal_identity_keys{provider="partners"} 9',
        'haproxy_temporal_identity_results_total{provider="corp",outcome="expired"} 4',
        'haproxy_temporal_identity_cache_hits_total 7',
        'haproxy_temporal_spop_notifies_total 0',
        'haproxy_temporal_spop_in_flight 0',
      ]) {
        expect(text.split('\n')).toContain(line)
      }
      expect(text).not.toMatch(/jwks_age_seconds\{.*other\.example/)
      expect(text).not.toContain('identity_keys{provider="corp"')
    }
  })

  it('shows the conservation law in /status', async () => {
    server = (await start()).server
    expect(await (await fetch(`${server.url}/status`)).json()).toMatchObject({
      version: '0.1.0',
      conservation: { total: { received: 0, pending: 0 } },
    })
  })

  it('refuses what it does not have, and other methods', async () => {
    server = (await start()).server
    expect((await fetch(`${server.url}/`)).status).toBe(404)
    expect((await fetch(`${server.url}/metrics`, { method: 'POST' })).status).toBe(405)
  })

  it('closes although a client keeps its connection open', async () => {
    server = (await start()).server
    await (await fetch(`${server.url}/healthz`, { headers: { connection: 'keep-alive' } })).text()
    await server.close()
    await expect(fetch(`${server.url}/healthz`)).rejects.toThrow()
  })
})
