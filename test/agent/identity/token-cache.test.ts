import { createHash } from 'node:crypto'
import { beforeEach, describe, expect, it } from 'vitest'
import { type Authenticated, identityOf } from '../../../agent/identity/identity.ts'
import { denied, denyReasons } from '../../../agent/identity/reasons.ts'
import { cacheLimits, TokenCache, type LiveKeys, type Verified } from '../../../agent/identity/token-cache.ts'
import { digestText, tokenDigest } from '../../../agent/identity/token-digest.ts'
import { FakeClock, provider } from './support/provider.ts'

const corp = provider('https://idp.example')
const clock = new FakeClock()
let cache: TokenCache
/** Keys, and the generation since which they are there. */
let live: Map<string, number>
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
  live = new Map([['key-1', 1]])
  generation = 1
  keys = {
    get generation() {
      return generation
    },
    usable: () => true,
    isLive: (id, since) => (live.get(id) ?? Infinity) <= since,
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

describe('a key that is removed', () => {
  it('takes the tokens along that it has verified, unasked, and those of other keys stay', () => {
    live.set('key-2', 1)
    for (let i = 0; i < 10; i++) {
      cache.put(`k${i}`, { ...verified(600), keyId: `key-${(i % 2) + 1}` }, corp.clockSkewS, clock.now())
    }
    cache.putDenied('bad', denied('signature_invalid'), keys, clock.now())
    live.delete('key-1')
    generation++
    for (const _ of cache.purge());
    expect([cache.entries, cache.negativeEntries, cache.counters.staleKeys]).toEqual([5, 0, 5])
    expect([get('k0'), get('k1')]).toMatchObject([undefined, { ok: true }])
  })

  it('does not bring them to life again when it returns, though nobody has asked for them meanwhile', () => {
    cache.put('k', verified(600), corp.clockSkewS, clock.now())
    live.set('key-1', (generation += 2))
    expect(get()).toBeUndefined()
    cache.put('k', verified(600), corp.clockSkewS, clock.now())
    expect(get()).toMatchObject({ ok: true })
  })

  it('leaves alone what comes in while they go', () => {
    for (let i = 0; i < 3; i++) cache.put(`k${i}`, verified(600), corp.clockSkewS, clock.now())
    live.set('key-1', ++generation)
    const purging = cache.purge()
    purging.next()
    cache.put('k1', verified(600), corp.clockSkewS, clock.now())
    cache.put('new', verified(600), corp.clockSkewS, clock.now())
    while (purging.next().done !== true);
    expect([get('k0'), get('k2'), get('k1'), get('new')]).toMatchObject([
      undefined,
      undefined,
      { ok: true },
      { ok: true },
    ])
    expect(cache.entries).toBe(2)
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

  it('going back by more than the skew forgets refusals too, which would last longer than they may', () => {
    cache.putDenied('k', denied('signature_invalid'), keys, clock.now())
    expect(get()).toEqual(denied('signature_invalid'))
    clock.advance(-60_001)
    expect(get()).toBeUndefined()
    expect([cache.negativeEntries, cache.counters.flushes]).toEqual([0, 1])
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

  it('is remembered for what the token itself is to blame for, and for nothing that may be otherwise soon', () => {
    for (const reason of denyReasons) cache.putDenied(reason, denied(reason), keys, clock.now())
    const remembered = denyReasons.filter((reason) => get(reason) !== undefined)
    expect(remembered.toSorted()).toEqual([
      'alg_not_allowed',
      'audience_mismatch',
      'binding_missing',
      'claim_invalid',
      'claim_missing',
      'expired',
      'lifetime_too_long',
      'signature_invalid',
      'typ_mismatch',
    ])
    expect(cache.negativeEntries).toBe(remembered.length)
  })

  it('does not survive a change of the key set', () => {
    cache.putDenied('k', denied('signature_invalid'), keys, clock.now())
    generation++
    expect(get()).toBeUndefined()
  })
})

describe('bounds', () => {
  it('X8: hold for a million distinct tokens, good and bad', () => {
    for (let i = 0; i < 1_000_000; i++) {
      if (i % 2 === 0) cache.put(`k${i}`, verified(600), corp.clockSkewS, clock.now())
      else cache.putDenied(`k${i}`, denied('signature_invalid'), keys, clock.now())
    }
    expect(cache.entries).toBeLessThanOrEqual(cacheLimits.maxEntries)
    expect(cache.bytes).toBeLessThanOrEqual(cacheLimits.maxBytes)
    expect(cache.negativeEntries).toBeLessThanOrEqual(cacheLimits.maxNegativeEntries)
  }, 60_000)

  it('hold in bytes too', () => {
    cache = new TokenCache(60_000, { ...cacheLimits, maxBytes: 10_000 })
    for (let i = 0; i < 100; i++) cache.put(`k${i}`, verified(600), corp.clockSkewS, clock.now())
    expect(cache.bytes).toBeLessThanOrEqual(10_000)
    expect(cache.entries).toBeGreaterThan(0)
  })
})

describe('tokenDigest', () => {
  it('holds nothing of the token', () => {
    expect(tokenDigest('secret-token')).toHaveLength(32)
    expect(digestText(tokenDigest('secret-token'))).toBe(
      createHash('sha256').update('secret-token').digest('base64url'),
    )
  })
})
