import type { Authenticated, AuthResult } from './identity.ts'
import { Lru } from './lru.ts'
import type { DenyReason, Denied } from './reasons.ts'
import { denied } from './reasons.ts'

/** Bounds of the cache of judged tokens. */
export interface CacheLimits {
  readonly maxEntries: number
  /** Estimated bytes of all positive entries. */
  readonly maxBytes: number
  /** Milliseconds until a token is verified anew, even one that lives longer. */
  readonly maxAgeMs: number
  readonly maxNegativeEntries: number
  readonly maxNegativeAgeMs: number
}

export const cacheLimits: CacheLimits = Object.freeze({
  maxEntries: 50_000,
  maxBytes: 128 * 1024 * 1024,
  maxAgeMs: 300_000,
  maxNegativeEntries: 10_000,
  maxNegativeAgeMs: 10_000,
})

/** Plain counts since the start, to be read at scrape. */
export interface CacheCounters {
  hits: number
  negativeHits: number
  misses: number
  /** Entries dropped because their key is no longer published. */
  staleKeys: number
  /** Entries dropped on a hit: the token has expired. */
  expired: number
  /** The cache was emptied because the clock went back. */
  flushes: number
}

/** What a hit needs to know of the provider's keys. */
export interface LiveKeys {
  readonly generation: number
  /** False when the keys are too old to prove anything, by a new verification or by one remembered. */
  usable(): boolean
  /** Whether it has been published without a break since that generation. */
  isLive(keyId: string, generation: number): boolean
}

/** What is kept of a verified token: no byte of the token itself. */
export interface Verified {
  readonly result: Authenticated
  /** {@link VerificationKey.id} of the key that verified it. */
  readonly keyId: string
  /** Characters of the token, by which the entry's size is estimated. */
  readonly tokenLength: number
  /** `nbf` claim, seconds since the epoch; 0 without one. */
  readonly notBeforeS: number
  /** The keys of the issuer that signed it. */
  readonly keys: LiveKeys
}

interface Entry {
  readonly result: Authenticated
  readonly keyId: string
  readonly keys: LiveKeys
  readonly generation: number
  /** Milliseconds since the epoch, the provider's skew already applied. */
  readonly notBefore: number
  readonly expires: number
  readonly until: number
}

interface NegativeEntry {
  readonly result: Denied
  readonly keys: LiveKeys
  readonly generation: number
  readonly until: number
}

/** Outcomes that the same token under the same keys meets again; those that depend on time to come are left out. */
const DETERMINISTIC: ReadonlySet<DenyReason> = new Set<DenyReason>([
  'signature_invalid',
  'alg_not_allowed',
  'expired',
  'lifetime_too_long',
  'audience_mismatch',
  'typ_mismatch',
  'claim_missing',
  'claim_invalid',
  'binding_missing',
])

/** Bytes of an entry beside its claims: two map slots, key string, list node, identity and result. */
const ENTRY_BYTES = 1024
/** Bytes of parsed claims per character of their token, measured on tokens of 0.7 to 4 KB and rounded up. */
const BYTES_PER_CHARACTER = 2

/**
 * Authentication results by token, so that a token is verified once and then costs one hash. Holds who the caller is,
 * never what he may do: rules, scopes and rates are judged anew for every request.
 */
export class TokenCache {
  readonly counters: CacheCounters = { hits: 0, negativeHits: 0, misses: 0, staleKeys: 0, expired: 0, flushes: 0 }
  readonly #limits: CacheLimits
  readonly #positive: Lru<Entry>
  readonly #negative: Lru<NegativeEntry>
  readonly #toleratedStepMs: number
  #latest = 0

  /** @param toleratedStepMs how far the clock may go back before the cache is emptied */
  constructor(toleratedStepMs: number, limits: CacheLimits = cacheLimits) {
    this.#limits = limits
    this.#toleratedStepMs = toleratedStepMs
    this.#positive = new Lru({ maxEntries: limits.maxEntries, maxBytes: limits.maxBytes })
    this.#negative = new Lru({ maxEntries: limits.maxNegativeEntries, maxBytes: Number.POSITIVE_INFINITY })
  }

  get entries(): number {
    return this.#positive.size
  }

  get negativeEntries(): number {
    return this.#negative.size
  }

  /** Estimated bytes of the positive entries. */
  get bytes(): number {
    return this.#positive.bytes
  }

  get evictions(): number {
    return this.#positive.evictions
  }

  /**
   * Tells the cache the time before it is used. A clock that went back would bring expired entries to life and make fresh
   * ones last longer than their tokens, so everything is judged anew.
   * @param nowMs milliseconds since the epoch
   */
  observe(nowMs: number): void {
    if (nowMs < this.#latest - this.#toleratedStepMs) {
      this.#positive.clear()
      this.#negative.clear()
      this.counters.flushes++
      this.#latest = nowMs
    } else if (nowMs > this.#latest) {
      this.#latest = nowMs
    }
  }

  /** What is known of a token, judged against this moment; undefined when it must be verified. Synchronous. */
  get(key: string, nowMs: number): AuthResult | undefined {
    const entry = this.#positive.get(key)
    if (entry === undefined) return this.#getNegative(key, nowMs)
    if (!entry.keys.usable()) return undefined
    if (nowMs >= entry.expires) {
      this.#positive.delete(key)
      this.counters.expired++
      return denied('expired')
    }
    if (!isLive(entry)) {
      this.#positive.delete(key)
      this.counters.staleKeys++
      return undefined
    }
    if (nowMs >= entry.until || nowMs < entry.notBefore) {
      this.#positive.delete(key)
      return undefined
    }
    this.counters.hits++
    return entry.result
  }

  /** Keeps a verified token until it expires, at most five minutes. @param clockSkewS of its provider, seconds */
  put(key: string, verified: Verified, clockSkewS: number, nowMs: number): void {
    const { result, keyId, keys } = verified
    const skewMs = clockSkewS * 1000
    const notBefore = verified.notBeforeS * 1000 - skewMs
    const expires = result.identity.expiresAt * 1000 + skewMs
    const until = Math.min(expires, nowMs + this.#limits.maxAgeMs)
    const bytes = ENTRY_BYTES + BYTES_PER_CHARACTER * verified.tokenLength
    if (this.#negative.size > 0) this.#negative.delete(key)
    this.#positive.set(key, { result, keyId, keys, generation: keys.generation, notBefore, expires, until }, bytes)
  }

  /** Remembers a refusal for some seconds, if the token would meet it again under these keys. */
  putDenied(key: string, result: Denied, keys: LiveKeys, nowMs: number): void {
    if (!DETERMINISTIC.has(result.reason)) return
    this.#negative.set(
      key,
      { result, keys, generation: keys.generation, until: nowMs + this.#limits.maxNegativeAgeMs },
      0,
    )
  }

  /**
   * Drops what would be dropped at its next use because its key was removed, an entry at each step, so that the caller may
   * pause. What comes in meanwhile was verified by the keys that there are.
   */
  *purge(): Generator<void> {
    let left = this.#positive.size
    for (const [key, entry] of this.#positive) {
      if (left-- === 0) break
      if (!isLive(entry)) {
        this.#positive.delete(key)
        this.counters.staleKeys++
      }
      yield
    }
    left = this.#negative.size
    for (const [key, { generation, keys }] of this.#negative) {
      if (left-- === 0) break
      if (generation !== keys.generation) this.#negative.delete(key)
      yield
    }
  }

  #getNegative(key: string, nowMs: number): Denied | undefined {
    if (this.#negative.size === 0) return undefined
    const entry = this.#negative.get(key)
    if (entry === undefined || !entry.keys.usable()) return undefined
    if (nowMs >= entry.until || entry.generation !== entry.keys.generation) {
      this.#negative.delete(key)
      return undefined
    }
    this.counters.negativeHits++
    return entry.result
  }
}

function isLive({ keys, keyId, generation }: Entry): boolean {
  return keys.isLive(keyId, generation)
}
