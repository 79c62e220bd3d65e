import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createAuthenticator } from '../../../agent/identity/authenticator.ts'
import { outcomeColumn, outcomes } from '../../../agent/identity/counters.ts'
import { ask } from './support/evidence.ts'
import { hang, startJwksServer, text } from './support/jwks-server.ts'
import { memoryLog, provider, until } from './support/provider.ts'
import { outcome, setUp, type Setup } from './support/setup.ts'
import { signToken, testKey } from './support/tokens.ts'

const key = testKey('ES256', 'one')
const next = testKey('ES256', 'two')
let t: Setup

beforeEach(async () => {
  t = await setUp([key])
})
afterEach(() => t[Symbol.asyncDispose]())

describe('authenticate', () => {
  it('names the caller from the claims of a genuine token', async () => {
    const token = signToken(
      key,
      t.claims({ tenant: 'acme', roles: ['buyer'], scope: 'orders:read orders:write', plan: 'gold' }),
    )
    expect(await t.check(token)).toEqual({
      ok: true,
      identity: expect.objectContaining({
        provider: 'corp',
        issuer: t.server.issuer,
        subject: 'user-1',
        tenant: 'acme',
        roles: ['buyer'],
        scopes: ['orders:read', 'orders:write'],
        expiresAt: t.clock.seconds + 600,
      }),
    })
  })

  it('answers a known token synchronously, with the same object', () => {
    const token = signToken(key, t.claims())
    const first = t.check(token)
    expect(first).not.toBeInstanceOf(Promise)
    expect(t.check(token)).toBe(first)
    expect(t.auth.counters.cache).toMatchObject({ hits: 1, misses: 1, entries: 1 })
  })

  it('tells how old the keys are that have proven a caller, also of a known token, and whether they are stale', async () => {
    const token = signToken(key, t.claims())
    const first = await t.check(token)
    if (!first.ok) throw new Error(first.reason)
    const { keys } = first.identity
    expect(keys).toMatchObject({ ageS: 0, stale: false })
    t.monotonic.advance(600_000)
    expect([t.check(token), keys]).toEqual([first, expect.objectContaining({ ageS: 600, stale: false })])
    t.monotonic.advance(1500)
    expect(keys).toMatchObject({ ageS: 601.5, stale: true })
    // Not among what a copy of an identity would take along.
    expect(Object.keys(first.identity)).not.toContain('keys')
  })

  it('answers synchronously whatever needs no key', () => {
    for (const header of [undefined, 'Basic x', 'Bearer', 'Bearer x.y.z', `Bearer ${'x'.repeat(9000)}`]) {
      expect(ask(t.auth, header, 1, ['corp'])).not.toBeInstanceOf(Promise)
    }
  })

  it('verifies a token once, however many requests bring it at once', async () => {
    const slow = testKey('ES384')
    await using s = await setUp([slow], { algorithms: ['ES384'] })
    const token = signToken(slow, s.claims())
    const results = await Promise.all(Array.from({ length: 10 }, async () => s.check(token)))
    expect(new Set(results).size).toBe(1)
    expect(s.auth.counters.results[outcomes.length]).toBe(10)
  })

  it('moves no counter of another outcome or provider', async () => {
    await t.check(signToken(key, t.claims()))
    await t.check(signToken(key, t.claims({ aud: 'other' })))
    await ask(t.auth, undefined, 0, ['corp'])
    const { results, providers } = t.auth.counters
    expect(providers).toEqual(['', 'corp'])
    const at = (row: number, name: Parameters<typeof outcomeColumn>[0]): number | undefined =>
      results[row * outcomes.length + outcomeColumn(name)]
    expect([at(1, 'ok'), at(1, 'audience_mismatch'), at(0, 'no_credentials')]).toEqual([1, 1, 1])
    expect(results.reduce((sum, count) => sum + count, 0)).toBe(3)
  })

  it('writes no token, key or claim into its log', async () => {
    const token = signToken(key, t.claims({ sub: 'canary-subject' }))
    await t.check(token)
    await t.check(`${token.slice(0, -4)}AAAA`)
    await t.check(signToken(next, t.claims()))
    const lines = t.log.lines.join('\n')
    for (const secret of ['canary-subject', token.slice(0, 20), key.jwk.x ?? '-']) expect(lines).not.toContain(secret)
  })

  it('denies instead of throwing when something of ours breaks', async () => {
    const broken = createAuthenticator([provider(t.server.issuer)], {
      log: t.log,
      now: () => {
        throw new RangeError('eyJsecret')
      },
    })
    expect(await outcome(ask(broken, 'Bearer a.b.c', 1, ['corp']))).toBe('internal_error')
    expect(t.log.lines.at(-1)).toContain('RangeError')
    expect(t.log.lines.join()).not.toContain('eyJsecret')
  })
})

describe('providers', () => {
  it('are chosen by issuer among those the rule allows, each with its own keys under the same kid', async () => {
    const other = testKey('ES256', 'one')
    await using s = await setUp([other])
    const auth = createAuthenticator([provider(t.server.issuer), provider(s.server.issuer, { name: 'partner' })], {
      log: memoryLog(),
      now: t.clock.now,
    })
    auth.start()
    await until(() => auth.ready())
    const check = (token: string, names: string[]): Promise<string> => outcome(ask(auth, `Bearer ${token}`, 1, names))
    const ours = signToken(key, t.claims())
    const theirs = signToken(other, s.claims())
    expect(await check(ours, ['partner', 'corp'])).toBe('ok')
    expect(await check(theirs, ['corp', 'partner'])).toBe('ok')
    // Known by now, and still not for a rule that names the other provider only.
    expect(await check(ours, ['partner'])).toBe('unknown_issuer')
    expect(await check(theirs, ['corp'])).toBe('unknown_issuer')
    expect(await check(theirs, ['nobody'])).toBe('no_credentials')
    expect(await check(theirs, [])).toBe('no_credentials')
    // Signed by the other provider's key of the same kid.
    expect(await check(signToken(other, t.claims()), ['corp', 'partner'])).toBe('signature_invalid')
    auth.close()
  })

  it('with one issuer and two audiences judge a token each for itself', async () => {
    const auth = createAuthenticator(
      [provider(t.server.issuer), provider(t.server.issuer, { name: 'billing', audience: ['billing-api'] })],
      { log: memoryLog(), now: t.clock.now },
    )
    auth.start()
    await until(() => auth.ready())
    const token = `Bearer ${signToken(key, t.claims())}`
    expect(await outcome(ask(auth, token, 1, ['corp']))).toBe('ok')
    expect(await outcome(ask(auth, token, 1, ['billing']))).toBe('audience_mismatch')
    expect(await outcome(ask(auth, token, 1, ['corp']))).toBe('ok')
    auth.close()
  })

  it('have a cache each: the tokens of one do not drive out those of another', async () => {
    await using s = await setUp([key])
    const auth = createAuthenticator([provider(t.server.issuer), provider(s.server.issuer, { name: 'noisy' })], {
      log: memoryLog(),
      now: t.clock.now,
      cacheLimits: { maxEntries: 4 },
    })
    auth.start()
    await until(() => auth.ready())
    const calm = `Bearer ${signToken(key, t.claims())}`
    expect(await outcome(ask(auth, calm, 1, ['corp', 'noisy']))).toBe('ok')
    for (let i = 0; i < 20; i++) {
      const token = signToken(key, s.claims({ jti: `${i}` }))
      expect(await outcome(ask(auth, `Bearer ${token}`, 1, ['corp', 'noisy']))).toBe('ok')
    }
    const { hits } = auth.counters.cache
    expect(await outcome(ask(auth, calm, 1, ['corp', 'noisy']))).toBe('ok')
    expect(auth.counters.cache).toMatchObject({ hits: hits + 1, misses: 21, entries: 3, evictions: 18 })
    auth.close()
  })

  it('that are not required do not hold readiness back', () => {
    const away = provider('http://127.0.0.1:1', { required: false })
    const auth = createAuthenticator([away], { log: memoryLog() })
    expect(auth.ready()).toBe(true)
    expect(createAuthenticator([{ ...away, required: true }], { log: memoryLog() }).ready()).toBe(false)
    auth.close()
  })
})

describe('a cached token', () => {
  it.each([{}, { iat: undefined }])('expires while cached, with and without iat', async (changes) => {
    const token = signToken(key, t.claims(changes))
    expect(await outcome(t.check(token))).toBe('ok')
    t.clock.advance(659_999)
    expect(await outcome(t.check(token))).toBe('ok')
    t.clock.advance(1)
    expect(await outcome(t.check(token))).toBe('expired')
    expect(await outcome(t.check(token))).toBe('expired')
  })

  it('fails at the next request once its key was removed', async () => {
    const token = signToken(key, t.claims())
    expect(await outcome(t.check(token))).toBe('ok')
    t.server.publish([next.jwk])
    expect(await outcome(t.check(signToken(next, t.claims())))).toBe('ok') // the unknown kid brings the new set
    expect(await outcome(t.check(token))).toBe('unknown_key')
    expect(t.auth.counters.cache.staleKeys).toBe(1)
  })

  it('fails once another key stands under the same kid, and tokens of that key pass', async () => {
    const token = signToken(key, t.claims())
    expect(await outcome(t.check(token))).toBe('ok')
    t.server.publish([{ ...next.jwk, kid: 'one' }, testKey('ES256', 'three').jwk])
    await t.check(signToken(testKey('ES256', 'three'), t.claims())) // any unknown kid brings the new set
    expect(await outcome(t.check(token))).toBe('signature_invalid')
    expect(await outcome(t.check(signToken({ ...next, kid: 'one' }, t.claims())))).toBe('ok')
  })

  it('is judged anew after the clock stepped back', async () => {
    const token = signToken(key, t.claims({ nbf: t.clock.seconds }))
    expect(await outcome(t.check(token))).toBe('ok')
    t.clock.advance(-120_000)
    expect(await outcome(t.check(token))).toBe('not_yet_valid')
    expect(t.auth.counters.cache.flushes).toBe(1)
  })

  it('is refused for want of keys when they have become too old', async () => {
    const token = signToken(key, t.claims({ exp: t.clock.seconds + 20_000 }))
    expect(await outcome(t.check(token))).toBe('ok')
    t.monotonic.advance(600_000 + 3_600_001)
    expect(await outcome(t.check(token))).toBe('keys_unavailable')
    expect(t.auth.ready()).toBe(false)
  })

  it('that was refused is tried again when its key arrives', async () => {
    const late = signToken({ ...next, kid: 'one' }, t.claims())
    expect(await outcome(t.check(late))).toBe('signature_invalid')
    expect(await outcome(t.check(late))).toBe('signature_invalid')
    expect(t.auth.counters.cache.negativeHits).toBe(1)
    t.server.publish([{ ...next.jwk, kid: 'one' }, testKey('ES256', 'three').jwk])
    await t.check(signToken(testKey('ES256', 'three'), t.claims()))
    expect(await outcome(t.check(late))).toBe('ok')
  })
})

describe('an issuer in trouble', () => {
  it('that is down from the start is 503, not 401, and is found when it comes up', async () => {
    t.server.answer('/jwks', text('', 503))
    const auth = createAuthenticator([provider(t.server.issuer)], {
      log: memoryLog(),
      now: t.clock.now,
      keyLimits: { minBackoffMs: 5, maxBackoffMs: 20 },
    })
    const token = `Bearer ${signToken(key, t.claims())}`
    expect(await outcome(ask(auth, token, 1, ['corp']))).toBe('keys_unavailable') // not even started
    auth.start()
    expect(await outcome(ask(auth, token, 1, ['corp']))).toBe('keys_unavailable')
    t.server.publish([key.jwk])
    await until(() => auth.ready())
    expect(await outcome(ask(auth, token, 1, ['corp']))).toBe('ok')
    auth.close()
  })

  it('lets a token that comes during the first fetch wait for its end', async () => {
    const auth = createAuthenticator([provider(t.server.issuer)], { log: memoryLog(), now: t.clock.now })
    auth.start()
    expect(await outcome(ask(auth, `Bearer ${signToken(key, t.claims())}`, 1, ['corp']))).toBe('ok')
    auth.close()
  })

  it('that hangs keeps only so many tokens waiting, and those it has keys for pass', async () => {
    t.server.answer('/jwks', hang)
    const waiting = Array.from({ length: 1024 }, (_, i) =>
      t.check(signToken({ ...next, kid: `unknown-${i}` }, t.claims())),
    )
    expect(t.check(signToken({ ...next, kid: 'one-more' }, t.claims()))).toEqual({ ok: false, reason: 'overload' })
    expect(await outcome(t.check(signToken(key, t.claims())))).toBe('ok')
    t.auth.close()
    expect(new Set(await Promise.all(waiting.map(outcome)))).toEqual(new Set(['keys_unavailable']))
  })
})

describe('the attacks on key selection', () => {
  let calm: Setup
  beforeAll(async () => {
    calm = await setUp([key])
  })
  afterAll(() => calm[Symbol.asyncDispose]())

  it('without kid: each key of the right type is tried, three at most', async () => {
    const keys = Array.from({ length: 4 }, (_, i) => testKey('RS256', `rsa-${i}`))
    await using s = await setUp(keys)
    const outcomesOf = await Promise.all(
      keys.map((each) => outcome(s.check(signToken(each, s.claims(), { kid: undefined })))),
    )
    expect(outcomesOf).toEqual(['ok', 'ok', 'ok', 'signature_invalid'])
  })

  it('of 1000 random kids make one request, and valid tokens are served meanwhile', async () => {
    const before = calm.server.requests.length
    const results = Array.from({ length: 1000 }, (_, i) =>
      calm.check(signToken({ ...key, kid: `kid-${i}` }, calm.claims())),
    )
    expect(await outcome(calm.check(signToken(key, calm.claims())))).toBe('ok')
    expect(new Set(await Promise.all(results.map(outcome)))).toEqual(new Set(['unknown_key']))
    expect(calm.server.requests.length - before).toBe(1)
  })
})

describe('two providers with one issuer', () => {
  it('are judged by the first, also when only the second has seen the token', async () => {
    const key = testKey('ES256')
    await using server = await startJwksServer()
    server.publish([key.jwk])
    const strict = provider(server.issuer, { name: 'strict', requiredScopes: ['admin'] })
    const lax = provider(server.issuer, { name: 'lax' })
    const auth = createAuthenticator([strict, lax], { log: memoryLog() })
    auth.start()
    await until(() => auth.ready())
    const now = Math.floor(Date.now() / 1000)
    const token = signToken(key, { iss: server.issuer, sub: 'a', aud: 'orders-api', iat: now, exp: now + 600 })
    expect(await ask(auth, `Bearer ${token}`, 1, ['lax'])).toMatchObject({ ok: true, identity: { provider: 'lax' } })
    expect(await ask(auth, `Bearer ${token}`, 1, ['strict', 'lax'])).toEqual({
      ok: false,
      reason: 'insufficient_scope',
    })
    auth.close()
  })
})
