import { afterEach, describe, expect, it } from 'vitest'
import { createAuthenticator } from '../../../agent/identity/authenticator.ts'
import { KeyManager } from '../../../agent/identity/keys.ts'
import { ask } from './support/evidence.ts'
import { hang, json, startJwksServer, text, type Answer } from './support/jwks-server.ts'
import { memoryLog, provider, until } from './support/provider.ts'
import { outcome, setUp, type Setup } from './support/setup.ts'
import { signToken, testKey } from './support/tokens.ts'

// What an outage of the provider looks like to those who send tokens: the attack list J by its ids. What each broken
// answer does to the key set itself is in keys.test.ts; J8 to J11 are there and in jwk.test.ts.
const key = testKey('ES256', 'one')
const next = testKey('ES256', 'two')
const HOUR = 3_600_000
const setups: Setup[] = []

async function started(limits: object = {}): Promise<Setup> {
  const made = await setUp([key], {}, { keyLimits: limits })
  setups.push(made)
  return made
}

afterEach(async () => {
  for (const each of setups.splice(0)) await each[Symbol.asyncDispose]()
})

const longToken = (t: Setup): string => signToken(key, t.claims({ exp: t.clock.seconds + 86_400 }))

/** Lets the next planned fetch happen now and waits for its end: an unknown kid asks for it. */
async function fetchNow(t: Setup): Promise<void> {
  t.monotonic.advance(30_000)
  await t.check(signToken(testKey('ES256', 'nobody'), t.claims()))
}

describe('while the endpoint', () => {
  it.each<[string, string, Answer]>([
    ['J1', 'hangs', hang],
    ['J2', 'answers 503', text('', 503)],
    ['J3', 'redirects to plain http', text('', 302, { location: 'http://keys.example/jwks' })],
    ['J3', 'redirects to a metadata address', text('', 307, { location: 'https://169.254.169.254/latest' })],
    ['J4', 'sends 10 MB', text('x'.repeat(10_000_000))],
    ['J5', 'sends invalid JSON', text('{"keys":[}')],
    ['J6', 'sends HTML', text('<html></html>', 200, { 'content-type': 'text/html' })],
    ['J7', 'sends keys that is no array', json({ keys: { one: key.jwk } })],
  ])('(%s) %s, tokens pass for an hour past the refresh time, then get 503', async (_id, _what, answer) => {
    const t = await started({ timeoutMs: 200 })
    const token = longToken(t)
    t.server.answer('/jwks', answer)
    await fetchNow(t)
    expect(t.auth.status()).toMatchObject([{ keys: 1, fetches: { ok: 1, failed: 1 } }])
    t.monotonic.advance(600_000 - 30_000 + HOUR)
    expect(await outcome(t.check(token))).toBe('ok')
    t.monotonic.advance(1)
    expect(await outcome(t.check(token))).toBe('keys_unavailable')
    expect([t.auth.ready(), t.auth.status()]).toMatchObject([false, [{ keys: 0, stale: true }]])
  })

  it('(J3) redirects the discovery document, nothing is followed', async () => {
    await using server = await startJwksServer()
    await using metadata = await startJwksServer()
    server.answer('/.well-known/openid-configuration', text('', 301, { location: `${metadata.issuer}/jwks` }))
    const keys = new KeyManager(provider(server.issuer), { log: memoryLog() })
    await keys.refresh()
    keys.close()
    expect([keys.status().lastError, metadata.requests]).toEqual(['HTTP 301: redirects are not followed', []])
  })
})

describe('a rotation', () => {
  it('(J12) that removes a key makes the next request of a remembered token fail', async () => {
    const t = await started()
    const token = longToken(t)
    expect([await outcome(t.check(token)), await outcome(t.check(token))]).toEqual(['ok', 'ok'])
    t.server.publish([next.jwk])
    await fetchNow(t)
    expect(await outcome(t.check(token))).toBe('unknown_key')
  })

  it('that removes a key empties the cache of its tokens, and they do not live again when it returns', async () => {
    const t = await started()
    const tokens = Array.from({ length: 5 }, (_, i) => signToken(key, t.claims({ sub: `user-${i}` })))
    for (const token of tokens) expect(await outcome(t.check(token))).toBe('ok')
    const { counters } = t.auth
    expect(counters.cache.entries).toBe(5)
    t.server.publish([next.jwk])
    await fetchNow(t)
    await until(() => counters.cache.entries === 0)
    expect(counters.cache.staleKeys).toBe(5)
    t.server.publish([next.jwk, key.jwk])
    await fetchNow(t)
    const { hits } = counters.cache
    for (const token of tokens) expect(await outcome(t.check(token))).toBe('ok')
    expect([counters.cache.hits, counters.cache.entries]).toEqual([hits, 5])
  })

  it('(J13) that puts another key under the same kid makes old tokens fail and new ones pass', async () => {
    const t = await started()
    const token = longToken(t)
    expect(await outcome(t.check(token))).toBe('ok')
    t.server.publish([{ ...next.jwk, kid: 'one' }])
    await fetchNow(t)
    expect(await outcome(t.check(token))).toBe('signature_invalid')
    expect(await outcome(t.check(signToken({ ...next, kid: 'one' }, t.claims())))).toBe('ok')
  })
})

describe('(J14) a jump of the wall clock', () => {
  it.each([-86_400_000, 86_400_000])('by %i ms makes keys neither younger nor older', async (jump) => {
    const t = await started()
    t.clock.advance(jump)
    expect(await outcome(t.check(longToken(t)))).toBe('ok')
    t.monotonic.advance(600_000 + HOUR + 1)
    expect(await outcome(t.check(longToken(t)))).toBe('keys_unavailable')
  })

  it('back empties the cache, so nothing remembered is accepted after it', async () => {
    const t = await started()
    const token = signToken(key, t.claims({ nbf: t.clock.seconds }))
    expect(await outcome(t.check(token))).toBe('ok')
    t.clock.advance(-HOUR)
    expect(await outcome(t.check(token))).toBe('not_yet_valid')
    expect(t.auth.counters.cache.entries).toBe(0)
  })
})

describe('an issuer that is down from the start', () => {
  it('(J15) is our trouble: 503, whatever the token', async () => {
    const nobody = 'http://127.0.0.1:1'
    const auth = createAuthenticator([provider(nobody)], { log: memoryLog() })
    auth.start()
    await until(() => auth.status()[0]?.lastError !== undefined)
    const now = Date.now() / 1000
    const claims = { iss: nobody, sub: 'user-1', aud: 'orders-api', iat: now, exp: now + 600 }
    for (const token of [signToken(key, claims), signToken(next, claims), signToken(key, { ...claims, exp: 1 })]) {
      expect(await outcome(ask(auth, `Bearer ${token}`, 1, ['corp']))).toBe('keys_unavailable')
    }
    expect([auth.ready(), auth.status()]).toMatchObject([
      false,
      [{ ageS: null, keys: 0, nextFetchS: expect.any(Number) }],
    ])
    auth.close()
  })

  it.each([
    ['while the outage lasts', 60_000],
    ['and when it ends', 20],
  ])('(J16) is found again without a restart, and requests cause no fetch %s', async (_when, minBackoffMs) => {
    await using server = await startJwksServer()
    let asked = 0
    const count =
      (answer: Answer): Answer =>
      (request, response) => {
        asked++
        answer(request, response)
      }
    server.answer('/jwks', count(text('', 503)))
    const auth = createAuthenticator([provider(server.issuer)], {
      log: memoryLog(),
      keyLimits: { minBackoffMs, maxBackoffMs: minBackoffMs },
    })
    const now = Date.now() / 1000
    const claims = { iss: server.issuer, sub: 'user-1', aud: 'orders-api', iat: now, exp: now + 600 }
    const tokens = Array.from({ length: 200 }, (_, i) => `Bearer ${signToken(key, { ...claims, jti: String(i) })}`)
    const all = () => Promise.all(tokens.map((token) => outcome(ask(auth, token, 1, ['corp']))))
    const attempts = (): number => {
      const { ok, failed } = auth.status()[0]?.fetches ?? { ok: 0, failed: 0 }
      return ok + failed
    }
    auth.start()
    const before = await all()
    expect(new Set([...before, ...(await all())])).toEqual(new Set(['keys_unavailable']))
    if (minBackoffMs > 1000) expect(asked).toBe(1)
    else {
      server.answer('/jwks', count(json({ keys: [key.jwk] })))
      await until(() => auth.ready())
      const atRecovery = asked
      expect(new Set([...(await all()), ...(await all())])).toEqual(new Set(['ok']))
      expect([asked, attempts()]).toEqual([atRecovery, atRecovery])
    }
    auth.close()
  })
})
