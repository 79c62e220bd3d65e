import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { KeySourceConfig } from '../../../agent/identity/key-source.ts'
import { KeyManager } from '../../../agent/identity/keys.ts'
import { startConnectProxy } from './support/connect-proxy.ts'
import { makeCertificates, startHttpsServer } from './support/https-server.ts'
import { hang, json, startJwksServer, text, type Answer, type JwksServer } from './support/jwks-server.ts'
import { FakeClock, memoryLog } from './support/provider.ts'
import { testKey } from './support/tokens.ts'

const first = testKey('ES256', 'one')
const second = testKey('ES256', 'two')
const clock = new FakeClock(1000)
const managers: KeyManager[] = []
let server: JwksServer
let other: JwksServer
let directory: string

function manager(overrides: Partial<KeySourceConfig> = {}, limits: { timeoutMs?: number } = {}): KeyManager {
  const config = { name: 'corp', issuer: server.issuer, ...overrides }
  const made = new KeyManager(config, { log: memoryLog(), monotonicMs: clock.now, limits })
  managers.push(made)
  return made
}

beforeEach(async () => {
  server = await startJwksServer()
  other = await startJwksServer()
  server.publish([first.jwk])
  other.publish([first.jwk])
  directory = await mkdtemp(join(tmpdir(), 'keys-'))
})

afterEach(async () => {
  vi.restoreAllMocks()
  for (const each of managers.splice(0)) each.close()
  await server[Symbol.asyncDispose]()
  await other[Symbol.asyncDispose]()
  await rm(directory, { recursive: true })
})

describe('several jwksUris', () => {
  const both = (): Partial<KeySourceConfig> => ({ jwksUris: [`${server.issuer}/jwks`, `${other.issuer}/jwks`] })

  it.each<[string, Answer]>([
    ['hangs', hang],
    ['is down', text('', 503)],
    ['sends HTML', text('<html>')],
    ['publishes no usable key', json({ keys: [] })],
  ])('are tried in turn where one %s, and the one that worked stays first', async (_what, answer) => {
    server.answer('/jwks', answer)
    const keys = manager(both(), { timeoutMs: 500 })
    await keys.refresh()
    expect(keys.status()).toMatchObject({ keys: 1, fetches: { ok: 1, failed: 0 } })
    await keys.refresh()
    expect([server.requests.length, other.requests.length]).toEqual([1, 2])
    other.answer('/jwks', text('', 500))
    server.publish([second.jwk])
    await keys.refresh()
    expect(keys.find('two', 'ES256')).toMatchObject([{ kid: 'two' }])
  })

  it('say of each why it failed, and count as one failure', async () => {
    server.answer('/jwks', text('', 503))
    other.answer('/jwks', text('', 404))
    const keys = manager(both())
    await keys.refresh()
    const [a, b] = [server, other].map(({ issuer }) => new URL(issuer).host)
    expect(keys.status()).toMatchObject({ lastError: `${a}: HTTP 503; ${b}: HTTP 404`, fetches: { ok: 0, failed: 1 } })
  })
})

describe('a jwks_uri at another host', () => {
  beforeEach(() => {
    const document = { issuer: server.issuer, jwks_uri: `${other.issuer}/jwks` }
    server.answer('/.well-known/openid-configuration', json(document))
  })

  it('is used where jwksHosts names the host with its port', async () => {
    const keys = manager({ jwksHosts: ['elsewhere.example', new URL(other.issuer).host] })
    await keys.refresh()
    expect(keys.usable()).toBe(true)
  })

  it.each([['127.0.0.1'], ['0.0.1'], ['*']])('is refused where jwksHosts is %s', async (host) => {
    const keys = manager({ jwksHosts: [host] })
    await keys.refresh()
    expect([keys.status().lastError, other.requests]).toEqual([
      'jwks_uri lies at another host than the issuer: allow it with jwksHosts, or set jwksUri',
      [],
    ])
  })

  it.each(['http://169.254.169.254/latest', 'https://user@keys.example/', 'file:///etc/passwd'])(
    'is never %s, whatever is allowed',
    async (uri) => {
      server.answer('/.well-known/openid-configuration', json({ issuer: server.issuer, jwks_uri: uri }))
      const keys = manager({ jwksHosts: ['169.254.169.254', 'keys.example', ''] })
      await keys.refresh()
      expect(keys.status().lastError).toBe('jwks_uri of the discovery document is missing or not https')
    },
  )
})

describe('jwksTokenFile', () => {
  it('is read at each fetch and sent to discovery and keys', async () => {
    const seen: (string | undefined)[] = []
    const record =
      (value: unknown): Answer =>
      (request, response) => {
        seen.push(request.headers.authorization)
        response.end(JSON.stringify(value))
      }
    server.answer(
      '/.well-known/openid-configuration',
      record({ issuer: server.issuer, jwks_uri: `${server.issuer}/jwks` }),
    )
    server.answer('/jwks', record({ keys: [first.jwk] }))
    const path = join(directory, 'token')
    await writeFile(path, 'first\n')
    const keys = manager({ jwksTokenFile: path })
    await keys.refresh()
    await writeFile(path, 'second\n')
    await keys.refresh()
    expect(seen).toEqual(['Bearer first', 'Bearer first', 'Bearer second'])
  })

  it.each([
    ['is missing', undefined, 'jwksTokenFile cannot be read'],
    ['is empty', ' \n', 'jwksTokenFile holds no token'],
    ['has several lines', 'SECRET\nline', 'jwksTokenFile holds no token'],
  ])('that %s is a failed fetch, and nobody is asked', async (_what, content, message) => {
    const path = join(directory, 'token')
    if (content !== undefined) await writeFile(path, content)
    const keys = manager({ jwksTokenFile: path })
    await keys.refresh()
    expect([keys.status().lastError, server.requests]).toEqual([message, []])
  })
})

describe('proxy', () => {
  it('is gone through to keys and discovery, with caFile for what lies behind it', async () => {
    await using certificates = await makeCertificates()
    await using proxy = await startConnectProxy()
    let issuer = ''
    await using https = await startHttpsServer(certificates.edge, (request, response) => {
      const metadata = { issuer, jwks_uri: `${issuer}/keys` }
      response.end(JSON.stringify(request.url === '/keys' ? { keys: [first.jwk] } : metadata))
    })
    issuer = https.url.origin
    const keys = manager({ issuer, caFile: certificates.caFile, proxy: proxy.url.href })
    await keys.refresh()
    expect([keys.usable(), proxy.targets]).toEqual([true, [https.url.host, https.url.host]])
  })

  it.each(['socks5://proxy.example', 'proxy.example:3128', 'http://proxy.example/path'])('cannot be %s', (proxy) => {
    expect(() => manager({ proxy })).toThrow('identity provider "corp": proxy must be')
  })
})

describe('what the endpoint says of time', () => {
  const retryIn = async (answer: Answer): Promise<number> => {
    server.answer('/jwks', answer)
    const keys = manager({ jwksUri: `${server.issuer}/jwks` })
    await keys.refresh()
    return keys.retryAfterS()
  }

  it.each([
    [503, '30', 30],
    [429, '45', 45],
    [503, '86400', 60],
    [429, '0', 1],
    [503, 'soon', 1],
    [503, '-5', 1],
    [500, '30', 1],
  ])('is minded: HTTP %i with Retry-After %s means the next attempt comes in %i s', async (status, value, seconds) => {
    expect(await retryIn(text('', status, { 'retry-after': value }))).toBe(seconds)
  })

  it('may be a date', async () => {
    const date = new Date(Date.now() + 40_000).toUTCString()
    const seconds = await retryIn(text('', 503, { 'retry-after': date }))
    expect(seconds).toBeGreaterThan(10)
    expect(seconds).toBeLessThanOrEqual(41)
  })

  it('holds for several endpoints only as far as all of them say so', async () => {
    server.answer('/jwks', text('', 503, { 'retry-after': '50' }))
    other.answer('/jwks', text('', 503, { 'retry-after': '20' }))
    const keys = manager({ jwksUris: [`${server.issuer}/jwks`, `${other.issuer}/jwks`] })
    await keys.refresh()
    expect(keys.retryAfterS()).toBe(20)
  })

  it.each([
    [0, 480],
    [1, 600],
  ])(
    'says when to come again, before it is due and not all at once: by chance %i after %i s',
    async (random, seconds) => {
      vi.spyOn(Math, 'random').mockReturnValue(random)
      const keys = manager()
      await keys.refresh()
      expect(keys.status().nextFetchS).toBe(seconds)
    },
  )

  it('counts the time an answer lay in caches as gone', async () => {
    server.publish([first.jwk], { 'cache-control': 'max-age=900', age: '600' })
    const keys = manager()
    await keys.refresh()
    clock.advance(300_000)
    expect(keys.status().stale).toBe(false)
    clock.advance(1)
    expect(keys.status().stale).toBe(true)
  })
})

describe('retryAfterS', () => {
  it('is at least a second, before the start, during a fetch and after the end', async () => {
    const keys = manager()
    expect([keys.retryAfterS(), keys.status().nextFetchS]).toEqual([1, undefined])
    const fetching = keys.refresh()
    expect([keys.retryAfterS(), keys.status().nextFetchS]).toEqual([1, 0])
    await fetching
    expect(keys.status().nextFetchS).toBeGreaterThanOrEqual(480)
    expect(keys.status().nextFetchS).toBeLessThanOrEqual(600)
    keys.close()
    expect([keys.retryAfterS(), keys.status().nextFetchS]).toEqual([1, undefined])
  })
})
