import { createPublicKey, type KeyObject } from 'node:crypto'
import { FetchError } from '../http/fetch-error.ts'
import { Lru } from '../lru.ts'
import type { ProviderStatus } from '../keys.ts'
import type { Log } from '../log.ts'
import { Breaker } from '../remote/breaker.ts'
import { remoteLimits } from '../remote/cache.ts'
import { meaningOf, UnusableAnswerError } from '../remote/failure.ts'

/** Gets the PEM text of a key; undefined when there is no key of that id. @throws {FetchError} */
export type FetchPem = (url: string) => Promise<string | undefined>

/** Why there is no key: the token's fault, or ours. */
export type NoKey = 'unknown_key' | 'keys_unavailable'

export interface AlbKeyOptions {
  /** The provider's name. */
  readonly provider: string
  readonly log: Log
  /** Milliseconds that only move forward. */
  readonly monotonicMs: () => number
  readonly fetchPem: FetchPem
}

interface Entry {
  readonly key: KeyObject
  /** Looked up anew after it, in the background while the old one serves. */
  readonly freshUntil: number
  readonly until: number
}

/** A load balancer has one key at a time, and its keys change seldom. */
const MAX_KEYS = 100
const MAX_UNKNOWN = 1000
const FRESH_MS = 3_600_000
const STALE_MS = 24 * 3_600_000
const UNKNOWN_MS = 60_000
/**
 * Ids never seen before that are looked up at once, and in each second after: ids are the client's text, and cost a request
 * each. A steady trickle rather than a quota for a minute: whoever makes up ids must not use up the turn of a real new one.
 */
const NEW_IDS_AT_ONCE = 10
const NEW_IDS_PER_SECOND = 2

/** Keys of load balancers by their URL, fetched when first named, since there is no list of them. */
export class AlbKeyCache {
  readonly #options: AlbKeyOptions
  readonly #known = new Lru<Entry>({ maxEntries: MAX_KEYS, maxBytes: Number.POSITIVE_INFINITY })
  readonly #unknown = new Lru<number>({ maxEntries: MAX_UNKNOWN, maxBytes: Number.POSITIVE_INFINITY })
  /** Until when a URL whose fetch failed is not asked for: what one id meets is no reason to leave the others alone. */
  readonly #failed = new Lru<number>({ maxEntries: MAX_UNKNOWN, maxBytes: Number.POSITIVE_INFINITY })
  readonly #pending = new Map<string, Promise<KeyObject | NoKey>>()
  readonly #fetches = { ok: 0, failed: 0 }
  readonly #breaker: Breaker
  #newIds = NEW_IDS_AT_ONCE
  #newIdsAt = Number.NEGATIVE_INFINITY
  /** Until when the youngest of the keys serves. */
  #usableUntil = Number.NEGATIVE_INFINITY
  #answeredAt: number | undefined
  #lastError: string | undefined

  constructor(options: AlbKeyOptions) {
    this.#options = options
    this.#breaker = new Breaker(remoteLimits, options.monotonicMs)
  }

  /** The key at a URL; at once if it is known. Never rejects. */
  get(url: string): KeyObject | NoKey | Promise<KeyObject | NoKey> {
    const now = this.#options.monotonicMs()
    const entry = this.#known.get(url)
    if (entry !== undefined && now < entry.until) {
      if (now >= entry.freshUntil && !this.#pending.has(url) && !this.#hasJustFailed(url, now)) void this.#fetch(url)
      return entry.key
    }
    const unknownUntil = this.#unknown.get(url)
    if (unknownUntil !== undefined && now < unknownUntil) return 'unknown_key'
    const underWay = this.#pending.get(url)
    if (underWay !== undefined) return underWay
    if (this.#hasJustFailed(url, now) || !this.#mayAskForNew(now)) return 'keys_unavailable'
    return this.#fetch(url)
  }

  /** Whether there is no key at all, and nobody to get one from: with a key at hand some callers can be proven. */
  get isAway(): boolean {
    return this.#breaker.isAway && this.#options.monotonicMs() >= this.#usableUntil
  }

  status(): ProviderStatus {
    const now = this.#options.monotonicMs()
    return {
      provider: this.#options.provider,
      keys: now < this.#usableUntil ? this.#known.size : 0,
      ageS: this.#answeredAt === undefined ? null : (now - this.#answeredAt) / 1000,
      stale: this.#lastError !== undefined && this.#known.size > 0,
      ...(this.#lastError === undefined ? {} : { lastError: this.#lastError }),
      fetches: { ...this.#fetches },
    }
  }

  #hasJustFailed(url: string, now: number): boolean {
    const until = this.#failed.get(url)
    return until !== undefined && now < until
  }

  #mayAskForNew(now: number): boolean {
    const earned = ((now - this.#newIdsAt) / 1000) * NEW_IDS_PER_SECOND
    this.#newIds = Math.min(NEW_IDS_AT_ONCE, this.#newIds + earned)
    this.#newIdsAt = now
    if (this.#newIds < 1) return false
    this.#newIds--
    return true
  }

  #fetch(url: string): Promise<KeyObject | NoKey> | NoKey {
    const ticket = this.#breaker.admit()
    if (ticket === undefined) return 'keys_unavailable'
    const fetching = this.#fetchOnce(url, ticket).finally(() => this.#pending.delete(url))
    this.#pending.set(url, fetching)
    return fetching
  }

  async #fetchOnce(url: string, ticket: number): Promise<KeyObject | NoKey> {
    try {
      const pem = await this.#options.fetchPem(url)
      const key = pem === undefined ? undefined : p256KeyOf(pem)
      this.#succeeded(url)
      return this.#keep(url, key)
    } catch (error) {
      this.#fail(url, ticket, error)
      return 'keys_unavailable'
    }
  }

  #keep(url: string, key: KeyObject | undefined): KeyObject | NoKey {
    const now = this.#options.monotonicMs()
    if (key === undefined) {
      this.#known.delete(url)
      if (this.#known.size === 0) this.#usableUntil = Number.NEGATIVE_INFINITY
      this.#unknown.set(url, now + UNKNOWN_MS, 0)
      return 'unknown_key'
    }
    this.#known.set(url, { key, freshUntil: now + FRESH_MS, until: now + STALE_MS }, 0)
    this.#usableUntil = now + STALE_MS
    return key
  }

  #succeeded(url: string): void {
    this.#fetches.ok++
    this.#failed.delete(url)
    this.#breaker.answered()
    this.#answeredAt = this.#options.monotonicMs()
    this.#lastError = undefined
  }

  #fail(url: string, ticket: number, error: unknown): void {
    this.#fetches.failed++
    this.#failed.set(url, this.#options.monotonicMs() + remoteLimits.failureMs, 0)
    // Messages of other errors may quote what the peer sent.
    this.#lastError = error instanceof FetchError ? error.message : 'unexpected error while fetching a key'
    const meaning = meaningOf(error)
    if (meaning === 'answered') this.#breaker.answered()
    else if (meaning !== undefined) this.#breaker.failed(ticket, meaning)
    // As seldom as the fetches are.
    this.#options.log.warn({ provider: this.#options.provider, error: this.#lastError }, 'fetching a key failed')
  }
}

/** @throws {UnusableAnswerError} it is no public key on P-256 */
function p256KeyOf(pem: string): KeyObject {
  try {
    const key = createPublicKey(pem)
    if (key.asymmetricKeyType === 'ec' && key.asymmetricKeyDetails?.namedCurve === 'prime256v1') return key
  } catch {
    // Falls through: OpenSSL's message says nothing more.
  }
  throw new UnusableAnswerError('the answer is no public key of the kind that load balancers have')
}
