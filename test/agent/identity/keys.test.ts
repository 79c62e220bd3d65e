import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { ProviderConfig } from '../../../agent/identity/config.ts'
import { KeyManager } from '../../../agent/identity/keys.ts'
import type { KeyLimits } from '../../../agent/identity/refresh-times.ts'
import { hang, json, startJwksServer, text, type Answer, type JwksServer } from './support/jwks-server.ts'
import { FakeClock, memoryLog, provider, until } from './support/provider.ts'
import { testKey } from './support/tokens.ts'

const first = testKey('ES256', 'one')
const second = testKey('ES256', 'two')
const clock = new FakeClock(1000)
const managers: KeyManager[] = []
let server: JwksServer
let log: ReturnType<typeof memoryLog>

function manager(overrides: Partial<ProviderConfig> = {}, limits: Partial<KeyLimits> = {}): KeyManager {
  const made = new KeyManager(provider(server.issuer, overrides), { log, monotonicMs: clock.now, limits })
  managers.push(made)
  return made
}

beforeEach(async () => {
  server = await startJwksServer()
  server.publish([first.jwk])
  log = memoryLog()
})

afterEach(async () => {
  vi.restoreAllMocks()
  for (const each of managers.splice(0)) each.close()
  await server[Symbol.asyncDispose]()
})

describe('finding keys', () => {
  it('goes through discovery, or straight to jwksUri where it is configured', async () => {
    await manager().refresh()
    expect(server.requests).toEqual(['/.well-known/openid-configuration', '/jwks'])
    server.answer('/keys', json({ keys: [second.jwk] }))
    const direct = manager({ jwksUri: `${server.issuer}/keys` })
    await direct.refresh()
    expect(server.requests.slice(2)).toEqual(['/keys'])
    expect(direct.find('two', 'ES256')).toMatchObject([{ kid: 'two' }])
  })

  it('asks discovery once, and again only after a failure', async () => {
    const keys = manager()
    await keys.refresh()
    await keys.refresh()
    expect(server.requests.filter((path) => path !== '/jwks')).toHaveLength(1)
    server.answer('/jwks', text('', 500))
    await keys.refresh()
    await keys.refresh()
    expect(server.requests.filter((path) => path !== '/jwks')).toHaveLength(2)
  })

  it.each([
    ['another issuer', { issuer: 'https://evil.example' }],
    ['the issuer with a slash', (issuer: string) => ({ issuer: `${issuer}/` })],
    ['no issuer', { issuer: undefined }],
    ['keys at another host', { jwks_uri: 'https://evil.example/jwks' }],
    ['keys at another port of this host', { jwks_uri: 'http://127.0.0.1:1/jwks' }],
    ['keys behind plain http elsewhere', { jwks_uri: 'http://169.254.169.254/latest/meta-data' }],
    ['a file as keys', { jwks_uri: 'file:///etc/passwd' }],
    ['no keys', { jwks_uri: undefined }],
  ])('trusts no discovery document that names %s', async (_what, change) => {
    const changed = typeof change === 'function' ? change(server.issuer) : change
    server.answer(
      '/.well-known/openid-configuration',
      json({ issuer: server.issuer, jwks_uri: `${server.issuer}/jwks`, ...changed }),
    )
    const keys = manager()
    await keys.refresh()
    expect([keys.usable(), keys.status().fetches]).toEqual([false, { ok: 0, failed: 1 }])
    expect(server.requests).toEqual(['/.well-known/openid-configuration'])
  })
})

describe('the next fetch', () => {
  it.each([
    [0, 96],
    [0.999_999, 120],
  ])('comes before the answer is over: by the chance %d after %d s of 120', async (chance, seconds) => {
    vi.spyOn(Math, 'random').mockReturnValue(chance)
    const keys = manager()
    server.publish([first.jwk], { 'cache-control': 'max-age=120' })
    await keys.refresh()
    expect(keys.status().nextFetchS).toBeCloseTo(seconds, 3)
    expect(keys.status().nextFetchS).toBeLessThanOrEqual(120)
  })

  it('comes at different times in a fleet, all of them within the bounds', async () => {
    server.publish([first.jwk], { 'cache-control': 'max-age=120' })
    const fleet = Array.from({ length: 30 }, () => manager())
    await Promise.all(fleet.map((keys) => keys.refresh()))
    const times = fleet.map((keys) => keys.status().nextFetchS ?? 0)
    expect(Math.min(...times)).toBeGreaterThanOrEqual(96)
    expect(Math.max(...times)).toBeLessThanOrEqual(120)
    expect(new Set(times).size).toBeGreaterThan(15)
  })
})

describe('a failing endpoint', () => {
  const failures: [string, Answer, string][] = [
    ['hangs', hang, 'no answer within 100 ms'],
    [
      'hangs in the middle of the body',
      (_request, response) => void response.writeHead(200).write('{"keys":['),
      'no answer within 100 ms',
    ],
    ['answers 500', text('', 500), 'HTTP 500'],
    ['answers 404', text('', 404), 'HTTP 404'],
    [
      'redirects to a metadata address',
      text('', 302, { location: 'http://169.254.169.254/' }),
      'HTTP 302: redirects are not followed',
    ],
    ['sends 10 MB', text(`{"keys":[],"x":"${'x'.repeat(10_000_000)}"}`), 'the answer is longer than 262144 bytes'],
    [
      'sends HTML',
      text('<html>eyJhbGciOiJub25lIn0</html>', 200, { 'content-type': 'text/html' }),
      'the answer is not JSON',
    ],
    ['sends half a JSON', text('{"keys":'), 'the answer is not JSON'],
    ['sends keys that is no array', json({ keys: {} }), 'the answer is not a JWK Set'],
    ['sends an array', json([first.jwk]), 'the answer is not a JWK Set'],
    ['sends no key', json({ keys: [] }), 'no usable key in the JWK Set (it is empty)'],
    [
      'sends only bad keys',
      json({ keys: [{ kty: 'oct', k: 'c2VjcmV0' }] }),
      'no usable key in the JWK Set (keys[0]: holds private or symmetric key material)',
    ],
    [
      'sends 101 keys',
      json({ keys: Array.from({ length: 101 }, () => first.jwk) }),
      'the JWK Set holds more than 100 keys',
    ],
    [
      'sends a compressed body',
      json({ keys: [first.jwk] }, { 'content-encoding': 'gzip' }),
      'the answer is compressed',
    ],
    ['cuts the connection', (_request, response) => void response.socket?.destroy(), 'connection failed (ECONNRESET)'],
    [
      'cuts the body',
      (_request, response) =>
        void response.writeHead(200, { 'content-length': '100' }).write('{"keys":[', () => response.socket?.destroy()),
      'the connection was closed early',
    ],
  ]

  it.each(failures)('that %s leaves the last good set in use, and says why', async (_what, answer, error) => {
    const keys = manager({}, { timeoutMs: error.startsWith('no answer') ? 100 : 30_000 })
    await keys.refresh()
    server.answer('/jwks', answer)
    await keys.refresh()
    expect(keys.status()).toMatchObject({ keys: 1, lastError: error, fetches: { ok: 1, failed: 1 } })
    expect(keys.find('one', 'ES256')).toMatchObject([{ kid: 'one' }])
    expect(keys.generation).toBe(1)
    expect(log.lines.join()).not.toContain('eyJ')
  })

  it('serves the last good set until an hour past its refresh time, then none', async () => {
    const keys = manager()
    server.publish([first.jwk], { 'cache-control': 'max-age=120' })
    await keys.refresh()
    expect([keys.status().stale, keys.stale, keys.ageS]).toEqual([false, false, 0])
    clock.advance(120_001)
    expect([keys.status().stale, keys.usable()]).toEqual([true, true])
    clock.advance(3_600_000)
    expect(keys.usable()).toBe(false)
    expect(keys.find('one', 'ES256')).toBe('keys_unavailable')
    expect(keys.status()).toMatchObject({ keys: 0, stale: true, ageS: 3720.001 })
  })

  it('is tried again in the background with growing pauses, and its recovery is noticed without a request', async () => {
    server.answer('/jwks', text('', 503))
    const keys = manager({}, { minBackoffMs: 10, maxBackoffMs: 40 })
    keys.start()
    await until(() => keys.status().fetches.failed >= 3)
    expect(keys.find('one', 'ES256')).toBe('keys_unavailable')
    server.publish([first.jwk])
    await until(() => keys.usable())
    expect(keys.status().lastError).toBeUndefined()
  })

  it('is left alone for twice as long after each failure in a row', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(1)
    server.answer('/jwks', text('', 503))
    const keys = manager()
    const pauses: unknown[] = []
    for (let i = 0; i < 4; i++) {
      await keys.refresh()
      pauses.push(keys.status().nextFetchS)
    }
    server.publish([first.jwk])
    await keys.refresh()
    server.answer('/jwks', text('', 503))
    await keys.refresh()
    pauses.push(keys.status().nextFetchS)
    expect(pauses).toEqual([1, 2, 4, 8, 1])
  })

  it('is not asked by requests: they neither fetch nor undo the back-off', async () => {
    server.answer('/jwks', text('', 503))
    const keys = manager()
    await keys.refresh()
    const before = server.requests.length
    for (let i = 0; i < 20; i++) expect(keys.awaitMissing('keys_unavailable')).toBeUndefined()
    expect(server.requests).toHaveLength(before)
  })

  it('makes an unknown key our trouble, not the fault of the token', async () => {
    const keys = manager()
    await keys.refresh()
    expect(keys.find('two', 'ES256')).toBe('unknown_key')
    server.answer('/jwks', text('', 503))
    await keys.refresh()
    expect(keys.find('two', 'ES256')).toBe('keys_unavailable')
  })

  it('that refuses the connection is a failed fetch', async () => {
    const keys = manager({ jwksUri: 'http://127.0.0.1:1/jwks' })
    await keys.refresh()
    expect(keys.status()).toMatchObject({ ageS: null, lastError: 'connection failed (ECONNREFUSED)' })
  })
})

describe('unknown kids', () => {
  it('cause one fetch per cool-down, however many they are', async () => {
    const keys = manager()
    await keys.refresh()
    const before = server.requests.length
    const waits = Array.from({ length: 1000 }, async () => keys.awaitMissing('unknown_key'))
    await Promise.all(waits)
    expect(keys.awaitMissing('unknown_key')).toBeUndefined()
    expect(server.requests.length - before).toBe(1)
    clock.advance(29_999)
    expect(keys.awaitMissing('unknown_key')).toBeUndefined()
    clock.advance(1)
    await keys.awaitMissing('unknown_key')
    expect(server.requests.length - before).toBe(2)
  })

  it('bring a rotated key at once', async () => {
    const keys = manager()
    await keys.refresh()
    server.publish([first.jwk, second.jwk])
    await keys.awaitMissing('unknown_key')
    expect(keys.find('two', 'ES256')).toMatchObject([{ kid: 'two' }])
    expect(keys.generation).toBe(2)
  })

  it('are told from a known kid with the wrong algorithm, which causes no fetch', async () => {
    const keys = manager()
    await keys.refresh()
    expect(keys.find('one', 'RS256')).toBe('alg_not_allowed')
    expect(keys.awaitMissing('alg_not_allowed')).toBeUndefined()
  })
})

describe('a key set', () => {
  it('loses its bad keys and keeps its good ones', async () => {
    server.publish([
      { kty: 'oct', k: 'c2VjcmV0', kid: 'a' },
      null as unknown as object,
      { ...first.jwk, d: first.jwk.x },
      { ...second.jwk, kid: 'enc', use: 'enc' },
      second.jwk,
    ])
    const keys = manager()
    await keys.refresh()
    expect(keys.status().keys).toBe(1)
    expect(keys.find('two', 'ES256')).toMatchObject([{ kid: 'two' }])
    expect(keys.find('one', 'ES256')).toBe('unknown_key')
  })

  it('does not change its generation when it only changes its order', async () => {
    server.publish([first.jwk, second.jwk])
    const keys = manager()
    await keys.refresh()
    server.publish([second.jwk, first.jwk])
    await keys.refresh()
    expect(keys.generation).toBe(1)
  })

  it('replaces a key that comes under the same kid', async () => {
    const keys = manager()
    await keys.refresh()
    const found = keys.find('one', 'ES256')
    const old = typeof found === 'string' ? undefined : found[0]
    expect(keys.isLive(old?.id ?? '', 1)).toBe(true)
    server.publish([{ ...second.jwk, kid: 'one' }])
    await keys.refresh()
    expect([keys.generation, keys.isLive(old?.id ?? '', 1), keys.isLive(old?.id ?? '', 2)]).toEqual([2, false, false])
  })

  it('tells of keys that go, and counts one that comes back as a new one', async () => {
    let told = 0
    const onRemoved = (): void => void told++
    const keys = new KeyManager(provider(server.issuer), { log, monotonicMs: clock.now, onRemoved })
    managers.push(keys)
    const publish = async (...published: readonly (typeof first)[]): Promise<number> => {
      server.publish(published.map(({ jwk }) => jwk))
      await keys.refresh()
      return told
    }
    expect([await publish(first), await publish(first, second)]).toEqual([0, 0])
    const [one, two] = ['one', 'two'].map((kid) => {
      const found = keys.find(kid, 'ES256')
      return (typeof found === 'string' ? undefined : found[0]?.id) ?? ''
    }) as [string, string]
    expect([keys.isLive(one, 1), keys.isLive(two, 1), keys.isLive(two, 2)]).toEqual([true, false, true])
    expect([await publish(second), await publish(first, second)]).toEqual([1, 1])
    expect(keys.generation).toBe(4)
    expect([keys.isLive(one, 1), keys.isLive(one, 3), keys.isLive(one, 4), keys.isLive(two, 2)]).toEqual([
      false,
      false,
      true,
      true,
    ])
  })

  it('does not let a second key take a kid', async () => {
    server.publish([first.jwk, { ...second.jwk, kid: 'one' }])
    const keys = manager()
    await keys.refresh()
    expect(keys.status().keys).toBe(1)
  })

  it('offers at most three keys to a token without kid', async () => {
    server.publish(Array.from({ length: 5 }, (_, i) => testKey('ES256', `k${i}`).jwk))
    const keys = manager()
    await keys.refresh()
    expect(keys.find(undefined, 'ES256')).toHaveLength(3)
  })

  it.each(['__proto__', 'constructor', 'toString', ''])('has no key %j of its own accord', async (kid) => {
    const keys = manager()
    await keys.refresh()
    expect(keys.find(kid, 'ES256')).toBe('unknown_key')
  })

  it('cannot be fetched with a CA file that is not there', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'keys-'))
    const keys = manager({ caFile: join(directory, 'ca.pem') })
    await keys.refresh()
    await rm(directory, { recursive: true })
    expect(keys.status().lastError).toBe('caFile cannot be read')
  })
})

describe('close', () => {
  it('ends a fetch under way and plans no other', async () => {
    server.answer('/jwks', hang)
    const keys = manager()
    const fetching = keys.refresh()
    await until(() => server.requests.includes('/jwks'))
    keys.close()
    await fetching
    await keys.refresh()
    expect(server.requests.filter((path) => path === '/jwks')).toHaveLength(1)
  })
})
