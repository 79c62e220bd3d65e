import { createAgent } from 'node-spoe'
import { afterEach, describe, expect, it } from 'vitest'
import { type AdminServer, type AdminSettings, startAdminServer } from '../../../agent/admin/server.ts'
import { DecisionCounters } from '../../../agent/counters.ts'
import { Counters, SLOT } from '../../../agent/dispatch/counters.ts'
import type { Dispatcher } from '../../../agent/dispatch/dispatcher.ts'
import type { OutboxRequest } from '../../../agent/dispatch/store/outbox-calls.ts'
import { createCounters, outcomeColumn, outcomes } from '../../../agent/identity/counters.ts'
import type { Authenticator } from '../../../agent/identity/authenticator.ts'
import { Revocations } from '../../../agent/identity/revocation/revocations.ts'
import { TokenCache } from '../../../agent/identity/token-cache.ts'
import { rulesOf } from '../rules/support.ts'

const { rules } = rulesOf('rules:\n  - { name: a, identity: none }\n  - { name: b, deny: 403 }\n')

async function start(ready = true, settings: AdminSettings = { listen: 'tcp://127.0.0.1:0' }) {
  const decisions = new DecisionCounters(rules)
  const events = new Counters(['a', 'b'])
  const cache = new TokenCache(1000)
  cache.counters.hits = 7
  const tokens = createCounters(['corp'], () => new Map([['corp', cache]]))
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
    state: () => ({ temporal: 'connected', outboxRows: 0, connections: [], pausedRules: [], deniedRules: [] }),
    outbox: async ({ call }: OutboxRequest) => ({ ok: true, asked: call, rows: [] }),
  } as unknown as Dispatcher
  const spop = createAgent({ messages: {} })
  const parts = { spop, authenticator, revocations, dispatcher, decisions }
  const server = await startAdminServer(settings, parts, log)
  return { server, decisions, events, revocations }
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
        'haproxy_temporal_identity_cache_hits_total{provider="corp"} 7',
        'haproxy_temporal_identity_cache_bytes{provider="corp"} 0',
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

  describe('POST /revocations', () => {
    const post = (url: string, headers: Record<string, string> = {}) =>
      fetch(`${url}/revocations?x=1`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify({ jti: 'a', provider: 'corp', until: '8h' }),
      })

    it.each(['tcp://127.0.0.1:0', 'tcp://localhost:0', 'tcp://[::1]:0'])('is open on %s', async (listen) => {
      const started = await start(true, { listen })
      server = started.server
      const response = await post(server.url)
      expect(response.status).toBe(201)
      expect(started.revocations.status().entries).toBe(1)
      expect((await fetch(`${server.url}/revocations`)).status).toBe(405)
    })

    it.each(['0.0.0.0', '[::]'])('needs a token on %s, and is open to whoever shows it', async (host) => {
      const token = 'canary-admin-token-4d1f'
      const at = (url: string): string => url.replace(host, host === '[::]' ? '[::1]' : '127.0.0.1')
      const open = await start(true, { listen: `tcp://${host}:0` })
      server = open.server
      const refused = await post(at(server.url))
      expect([refused.status, await refused.json()]).toMatchObject([403, { error: 'token_needed' }])
      expect(open.revocations.status().entries).toBe(0)
      await server.close()

      const closed = await start(true, { listen: `tcp://${host}:0`, token: { value: token } })
      server = closed.server
      expect((await post(at(server.url))).status).toBe(401)
      expect((await post(at(server.url), { authorization: `Bearer ${token}` })).status).toBe(201)
      expect(closed.revocations.status().entries).toBe(1)
      // What only tells something stays open: Prometheus shows no token.
      expect((await fetch(`${at(server.url)}/metrics`)).status).toBe(200)
      expect(await (await fetch(`${at(server.url)}/status`)).text()).not.toContain(token)
    })

    it('knows the providers of agent.yaml', async () => {
      server = (await start()).server
      const response = await fetch(`${server.url}/revocations`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ jti: 'a', provider: 'crop', until: '8h' }),
      })
      expect([response.status, await response.json()]).toMatchObject([
        400,
        { message: 'no provider is called so; there are corp' },
      ])
    })
  })

  it('asks the outbox for callers of this machine, and elsewhere for those who have a token', async () => {
    server = (await start()).server
    expect(await (await fetch(`${server.url}/outbox`)).json()).toMatchObject({ asked: 'status' })
    expect(await (await fetch(`${server.url}/outbox/rows?limit=1`)).json()).toMatchObject({ asked: 'list' })
    await server.close()
    server = (await start(true, { listen: 'tcp://0.0.0.0:0' })).server
    const response = await fetch(`${server.url.replace('0.0.0.0', '127.0.0.1')}/outbox`)
    expect([response.status, await response.json()]).toMatchObject([403, { error: 'token_needed' }])
  })

  it('pauses rules that it counts, and not what all others are counted under', async () => {
    server = (await start()).server
    const pause = async (rule: string): Promise<number> => {
      const headers = { 'content-type': 'application/json' }
      const body = JSON.stringify({ rule })
      return (await fetch(`${server?.url}/outbox/pause`, { method: 'POST', headers, body })).status
    }
    expect([await pause('a'), await pause('(other)')]).toEqual([200, 404])
  })

  it('closes although a client keeps its connection open', async () => {
    server = (await start()).server
    await (await fetch(`${server.url}/healthz`, { headers: { connection: 'keep-alive' } })).text()
    await server.close()
    await expect(fetch(`${server.url}/healthz`)).rejects.toThrow()
  })
})
