import { describe, expect, it } from 'vitest'
import type { AgentConfig } from '../../agent/config/schema.ts'
import { examine, type Finding } from '../../agent/doctor.ts'
import type { ProviderStatus } from '../../agent/identity/keys.ts'
import { serveHttp } from '../support/local-server.ts'
import { setUp, withCookies } from './identity/forward-auth/support.ts'

/** What `doctor` says of an agent that tells of these providers. */
async function findings(...providers: ProviderStatus[]): Promise<Finding[]> {
  const temporal = { temporal: 'connected', outboxRows: 0, deniedRules: [] }
  const found = await said({ ready: true, draining: false, providers, temporal })
  return found.filter(({ check }) => check.startsWith('provider'))
}

/** What it says of an admin server that answers every question with this. */
async function said(answer: object): Promise<Finding[]> {
  const body = JSON.stringify(answer)
  const listen = `tcp://127.0.0.1:${await serveHttp((_request, response) => void response.end(body))}`
  return examine({ spop: { listen: [] }, admin: { listen } } as unknown as AgentConfig)
}

const corp: ProviderStatus = {
  provider: 'corp',
  issuer: 'https://login.example.com',
  keys: 2,
  ageS: 4.6,
  stale: false,
  fetches: { ok: 1, failed: 0 },
}

describe('doctor, of providers with keys', () => {
  it('names each issuer and the state of its keys', async () => {
    const other = { ...corp, issuer: 'https://other.example.com', keys: 0, ageS: null, lastError: 'HTTP 503' }
    expect(await findings(corp, other, { ...corp, stale: true, lastError: 'HTTP 502' })).toEqual([
      { check: 'provider corp', ok: true, detail: 'https://login.example.com: 2 keys, fetched 5 s ago' },
      {
        check: 'provider corp',
        ok: false,
        detail: 'https://other.example.com: 0 keys, never fetched; HTTP 503',
        hint: expect.stringContaining('reach the issuer'),
      },
      {
        check: 'provider corp',
        ok: true,
        detail: 'https://login.example.com: 2 keys, fetched 5 s ago, stale; HTTP 502',
      },
    ])
  })

  it('asks for the files of those that keep their own', async () => {
    const { issuer: _, ...own } = corp
    expect(
      await findings({ ...own, ageS: null }, { ...own, keys: 0, ageS: null, lastError: 'cannot be read' }),
    ).toEqual([
      { check: 'provider corp', ok: true, detail: '2 keys' },
      {
        check: 'provider corp',
        ok: false,
        detail: '0 keys, never fetched; cannot be read',
        hint: expect.stringContaining('files'),
      },
    ])
  })

  it('takes keys that nobody has named yet for no fault', async () => {
    const { issuer: _, ...own } = corp
    const alb = { ...own, keys: 0, ageS: null, endpoint: 'https://keys.example.com' }
    expect(await findings(alb, { ...alb, keys: 1, ageS: 1 }, { ...alb, lastError: 'HTTP 503' })).toMatchObject([
      { ok: undefined, detail: 'https://keys.example.com: no key needed yet' },
      { ok: true, detail: 'https://keys.example.com: 1 keys, fetched 1 s ago' },
      { ok: false, hint: expect.stringContaining('reach the server') },
    ])
  })
})

describe('doctor, of the outbox', () => {
  const ready = {
    ready: true,
    draining: false,
    providers: [],
    temporal: { temporal: 'connected', outboxRows: 0, deniedRules: [] },
  }
  const outboxOf = async (deadLetters: number, unstored: number): Promise<Finding | undefined> => {
    const conservation = { outbox: { events: 0, bytes: 0, deadLetters, deadLettersDropped: 0 }, unstored }
    return (await said({ ...ready, conservation })).find(({ check }) => check === 'outbox')
  }

  it('warns of dead letters, and of a disk that did not take events', async () => {
    expect(await outboxOf(0, 0)).toEqual({ check: 'outbox', ok: true, detail: 'no dead letters' })
    expect(await outboxOf(3, 2)).toEqual({
      check: 'outbox',
      ok: undefined,
      detail:
        '3 dead letters: "haproxy-temporal outbox list" tells why; 2 events stayed in memory because the disk did not take them',
    })
  })

  it('says nothing of an agent that tells nothing', async () => {
    expect((await said(ready)).map(({ check }) => check)).toEqual(['ready', 'Temporal'])
  })
})

describe('doctor, of a provider that asks somebody', () => {
  it('names whom, and how that goes, and no keys', async () => {
    await using sso = await setUp()
    const endpoint = `${sso.server.issuer}/oauth2/auth`
    const check = 'provider sso'
    const ask = async (from: number, times: number): Promise<void> => {
      for (let i = from; i < from + times; i++) await sso.outcome(withCookies(`_oauth2_proxy=${i}`))
    }
    expect(await findings(sso.scheme.status())).toEqual([
      { check, ok: undefined, detail: `${endpoint}: no answer yet` },
    ])
    sso.reply(500)
    await ask(0, 1)
    const hint = expect.stringContaining('reach the server')
    const failed = { check, ok: false, detail: `${endpoint}: no answer yet; HTTP 500`, hint }
    expect(await findings(sso.scheme.status())).toEqual([failed])
    sso.reply(401)
    await ask(10, 1)
    sso.clock.advance(7000)
    expect(await findings(sso.scheme.status())).toEqual([
      { check, ok: true, detail: `${endpoint}: last answer 7 s ago` },
    ])
    sso.reply(429)
    await ask(20, 5)
    const left = `${endpoint}: left alone for a while, last answer 7 s ago; HTTP 429`
    expect(await findings(sso.scheme.status())).toEqual([{ check, ok: false, detail: left, hint }])
    sso.reply(503)
    for (let i = 0; i < 5; i++) {
      sso.clock.advance(10_000)
      await ask(30 + i, 1)
    }
    const away = `${endpoint}: away, last answer 57 s ago; HTTP 503`
    expect(await findings(sso.scheme.status())).toEqual([{ check, ok: false, detail: away, hint }])
  })
})

it('names rules that Temporal refuses, without calling the agent broken', async () => {
  const temporal = { temporal: 'connected', outboxRows: 3, deniedRules: ['kill'], lastError: 'PERMISSION_DENIED: no' }
  const found = await said({ ready: true, draining: false, providers: [], temporal })
  expect(found.filter(({ check }) => check === 'Temporal')).toEqual([
    {
      check: 'Temporal',
      ok: undefined,
      detail: 'connected, it refuses the calls of kill, 3 events on disk; PERMISSION_DENIED: no',
    },
  ])
})
