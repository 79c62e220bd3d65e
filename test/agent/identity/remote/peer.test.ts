import { describe, expect, it, onTestFinished } from 'vitest'
import { httpRequest } from '../../../../agent/identity/http/request.ts'
import { Peer, type PeerSettings } from '../../../../agent/identity/remote/peer.ts'
import { isRemote } from '../../../../agent/identity/remote/status.ts'
import { denied } from '../../../../agent/identity/reasons.ts'
import { hang, startJwksServer } from '../support/jwks-server.ts'
import { FakeClock, memoryLog, until } from '../support/provider.ts'

const ENDPOINT = 'https://login.example.com/introspect'

function peerOf(settings: Partial<PeerSettings> = {}): Peer {
  const clock = new FakeClock()
  const context = { now: clock.now, monotonicMs: clock.now, log: memoryLog() }
  const peer = new Peer('corp', { timeout: 5000, concurrency: 1, cache: { maxEntries: 10 }, ...settings }, context)
  onTestFinished(() => peer.close())
  return peer
}

describe('one server that is asked', () => {
  it('is told of with nothing asked yet', () => {
    const status = peerOf().status({ endpoint: ENDPOINT, away: false })
    expect(isRemote(status)).toBe(true)
    expect(status).toMatchObject({ provider: 'corp', endpoint: ENDPOINT, ageS: null, paused: false, away: false })
    expect(status).not.toHaveProperty('lastError')
  })

  it('is told of with what is wrong of our own first: the provider’s, then its authorities', async () => {
    const peer = peerOf({ caFile: '/nonexistent/ca.pem' })
    await peer.start()
    const own = peer.status({ endpoint: ENDPOINT, away: false })
    expect(own.lastError).toBe('cannot be read (ENOENT)')
    expect(peer.status({ endpoint: ENDPOINT, away: true, error: 'no secret' })).toMatchObject({
      lastError: 'no secret',
      away: true,
    })
  })

  it('is asked as its settings say, and no more once closed', async () => {
    await using server = await startJwksServer()
    server.answer('/slow', hang)
    const peer = peerOf()
    const { signal } = new AbortController()
    expect(peer.options(signal)).toMatchObject({ timeoutMs: 5000, ca: undefined, proxy: undefined, signal })
    const asked = peer.cache.ask('k', async (ended) => {
      await httpRequest(new URL(`${server.issuer}/slow`), { ...peer.options(ended), maxBytes: 10 })
      return { value: denied('inactive'), negative: true, freshMs: 0, bytes: 0 }
    })
    await until(() => server.requests.length === 1)
    peer.close()
    expect(await asked).toBe('unavailable')
    expect(peer.isAway).toBe(false)
  })

  it('goes through the proxy of its settings', () => {
    expect(peerOf({ proxy: 'http://proxy.example.com:3128' }).proxy?.host).toBe('proxy.example.com:3128')
  })
})

it('keys are no sign of asking somebody', () => {
  expect(isRemote({ provider: 'a', keys: 1, ageS: 0, stale: false, fetches: { ok: 1, failed: 0 } })).toBe(false)
})
