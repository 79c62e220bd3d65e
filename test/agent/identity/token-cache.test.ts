import { createHash } from 'node:crypto'
import { beforeEach, describe, expect, it } from 'vitest'
import { type Authenticated, identityOf } from '../../../agent/identity/identity.ts'
import { denied } from '../../../agent/identity/reasons.ts'
import {
  cacheKey,
  cacheKeyPrefix,
  cacheLimits,
  TokenCache,
  type LiveKeys,
  type Verified,
} from '../../../agent/identity/token-cache.ts'
import { digestText, tokenDigest } from '../../../agent/identity/token-digest.ts'
import { FakeClock, provider } from './support/provider.ts'

const corp = provider('https://idp.example')
const clock = new FakeClock()
let cache: TokenCache
let live: Set<string>
let generation: number
let keys: LiveKeys

function verified(expiresInS: number, notBeforeS = 0): Verified & { result: Authenticated } {
  const identity = identityOf({
    provider: 'corp',
    method: 'jwt',
    issuer: corp.issuer,
    subject: 'a',
    digest: 'digest',
    expiresAt: clock.seconds + expiresInS,
  })
  return { result: { ok: true, identity }, keyId: 'key-1', tokenLength: 1000, notBeforeS, keys }
}

function get(key = 'k') {
  cache.observe(clock.now())
  return cache.get(key, clock.now())
}

beforeEach(() => {
  cache = new TokenCache(60_000)
  live = new Set(['key-1'])
  generation = 1
  keys = {
    get generation() {
      return generation
    },
    usable: () => true,
    isLive: (id) => live.has(id),
  }
})

describe('a verified token', () => {
  it('gives the same result object again', () => {
    const entry = verified(600)
    cache.put('k', entry, corp.clockSkewS, clock.now())
    expect(get()).toBe(entry.result)
    expect(cache.counters.hits).toBe(1)
  })

  it('is expired from exp plus skew on, though it is cached', () => {
    cache.put('k', verified(100), corp.clockSkewS, clock.now())
    clock.advance(159_999)
    expect(get()).toMatchObject({ ok: true })
    clock.advance(1)
    expect(get()).toEqual(denied('expired'))
    expect(cache.entries).toBe(0)
  })

  it('is verified anew after five minutes', () => {
    cache.put('k', verified(3600), corp.clockSkewS, clock.now())
    clock.advance(299_999)
    expect(get()).toMatchObject({ ok: true })
    clock.advance(1)
    expect(get()).toBeUndefined()
  })

  it('is forgotten as soon as its key is no longer published', () => {
    cache.put('k', verified(600), corp.clockSkewS, clock.now())
    live.clear()
    expect(get()).toBeUndefined()
    expect(cache.counters.staleKeys).toBe(1)
  })

  it('survives a change of the key set that leaves its key', () => {
    cache.put('k', verified(600), corp.clockSkewS, clock.now())
    generation++
    expect(get()).toMatchObject({ ok: true })
  })

  it('is not used before its nbf minus skew when the clock went back a little', () => {
    cache.put('k', verified(600, clock.seconds + 60), corp.clockSkewS, clock.now())
    expect(get()).toMatchObject({ ok: true })
    clock.advance(-10)
    expect(get()).toBeUndefined()
  })
})

describe('the clock', () => {
  it('going back by more than the skew empties the cache', () => {
    cache.put('k', verified(600), corp.clockSkewS, clock.now())
    get()
    clock.advance(-60_001)
    expect(get()).toBeUndefined()
    expect([cache.entries, cache.counters.flushes]).toEqual([0, 1])
  })

  it('going back by less does not, and several small steps add up', () => {
    cache.put('k', verified(600), corp.clockSkewS, clock.now())
    get()
    clock.advance(-30_000)
    expect(get()).toMatchObject({ ok: true })
    clock.advance(-30_001)
    expect(get()).toBeUndefined()
  })
})

describe('a refusal', () => {
  it('is remembered for ten seconds when the token would meet it again', () => {
    cache.putDenied('k', denied('signature_invalid'), keys, clock.now())
    expect(get()).toEqual(denied('signature_invalid'))
    clock.advance(10_000)
    expect(get()).toBeUndefined()
  })

  it.each([
    'unknown_key',
    'keys_unavailable',
    'not_yet_valid',
    'issued_in_future',
    'overload',
    'internal_error',
    'revoked',
  ] as const)('for %s is not remembered', (reason) => {
    cache.putDenied('k', denied(reason), keys, clock.now())
    expect(cache.negativeEntries).toBe(0)
  })

  it('does not survive a change of the key set', () => {
    cache.putDenied('k', denied('signature_invalid'), keys, clock.now())
    generation++
    expect(get()).toBeUndefined()
  })
})

describe('bounds', () => {
  it('hold for a million distinct tokens, good and bad', () => {
    for (let i = 0; i < 1_000_000; i++) {
      if (i % 2 === 0) cache.put(`k${i}`, verified(600), corp.clockSkewS, clock.now())
      else cache.putDenied(`k${i}`, denied('signature_invalid'), keys, clock.now())
    }
    expect(cache.entries).toBeLessThanOrEqual(cacheLimits.maxEntries)
    expect(cache.bytes).toBeLessThanOrEqual(cacheLimits.maxBytes)
    expect(cache.negativeEntries).toBeLessThanOrEqual(cacheLimits.maxNegativeEntries)
  })

  it('hold in bytes too', () => {
    cache = new TokenCache(60_000, { ...cacheLimits, maxBytes: 10_000 })
    for (let i = 0; i < 100; i++) cache.put(`k${i}`, verified(600), corp.clockSkewS, clock.now())
    expect(cache.bytes).toBeLessThanOrEqual(10_000)
    expect(cache.entries).toBeGreaterThan(0)
  })
})

describe('cacheKey', () => {
  it('never is the same for fields that concatenate alike', () => {
    const named = (name: string): string => cacheKeyPrefix(name, [provider('https://idp.example', { name })])
    expect(cacheKey(named('ab'), tokenDigest('c'))).not.toBe(cacheKey(named('a'), tokenDigest('bc')))
    expect(cacheKey(named('1:a'), tokenDigest('t'))).not.toBe(cacheKey(named('a'), tokenDigest('t')))
  })

  it('changes with anything in the configuration of the provider', () => {
    const of = (overrides: object): string =>
      cacheKey(cacheKeyPrefix('corp', [provider('https://idp.example', overrides)]), 't')
    expect(new Set([of({}), of({ audience: ['x'] }), of({ clockSkewS: 0 }), of({ typ: ['at+jwt'] })]).size).toBe(4)
  })

  it('holds nothing of the token', () => {
    expect(tokenDigest('secret-token')).toHaveLength(32)
    expect(digestText(tokenDigest('secret-token'))).toBe(
      createHash('sha256').update('secret-token').digest('base64url'),
    )
  })
})
