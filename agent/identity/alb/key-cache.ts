import { createPublicKey, type KeyObject } from 'node:crypto'
import { FetchError } from '../http/fetch-error.ts'
import { Lru } from '../lru.ts'
import type { ProviderStatus } from '../keys.ts'
import type { Log } from '../log.ts'
import { backoffMs, keyLimits } from '../refresh-times.ts'

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
  readonly key: KeyObject | undefined
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
  readonly #pending = new Map<string, Promise<KeyObject | NoKey>>()
  readonly #fetches = { ok: 0, failed: 0 }
  #newIds = NEW_IDS_AT_ONCE
  #newIdsAt = Number.NEGATIVE_INFINITY
  #failures = 0
  #pausedUntil = Number.NEGATIVE_INFINITY
  #answeredAt: number | undefined
  #lastError: string | undefined

  constructor(options: AlbKeyOptions) {
    this.#options = options
  }

  /** The key at a URL; at once if it is known. Never rejects. */
  get(url: string): KeyObject | NoKey | Promise<KeyObject | NoKey> {
    const now = this.#options.monotonicMs()
    const entry = this.#known.get(url)
    if (entry?.key !== undefined && now < entry.until) {
      if (now >= entry.freshUntil && now >= this.#pausedUntil) void this.#fetch(url)
      return entry.key
    }
    const unknownUntil = this.#unknown.get(url)
    if (unknownUntil !== undefined && now < unknownUntil) return 'unknown_key'
    const underWay = this.#pending.get(url)
    if (underWay !== undefined) return underWay
    if (now < this.#pausedUntil || !this.#mayAskForNew(now)) return 'keys_unavailable'
    return this.#fetch(url)
  }

  status(): ProviderStatus {
    const now = this.#options.monotonicMs()
    return {
      provider: this.#options.provider,
      keys: this.#known.size,
      ageS: this.#answeredAt === undefined ? null : (now - this.#answeredAt) / 1000,
      stale: this.#failures > 0 && this.#known.size > 0,
      ...(this.#lastError === undefined ? {} : { lastError: this.#lastError }),
      fetches: { ...this.#fetches },
    }
  }

  #mayAskForNew(now: number): boolean {
    const earned = ((now - this.#newIdsAt) / 1000) * NEW_IDS_PER_SECOND
    this.#newIds = Math.min(NEW_IDS_AT_ONCE, this.#newIds + earned)
    this.#newIdsAt = now
    if (this.#newIds < 1) return false
    this.#newIds--
    return true
  }

  #fetch(url: string): Promise<KeyObject | NoKey> {
    const underWay = this.#pending.get(url)
    if (underWay !== undefined) return underWay
    const fetching = this.#fetchOnce(url).finally(() => this.#pending.delete(url))
    this.#pending.set(url, fetching)
    return fetching
  }

  async #fetchOnce(url: string): Promise<KeyObject | NoKey> {
    try {
      const pem = await this.#options.fetchPem(url)
      const key = pem === undefined ? undefined : p256KeyOf(pem)
      this.#succeeded()
      return this.#keep(url, key)
    } catch (error) {
      this.#failed(error)
      return 'keys_unavailable'
    }
  }

  #keep(url: string, key: KeyObject | undefined): KeyObject | NoKey {
    const now = this.#options.monotonicMs()
    if (key === undefined) {
      this.#known.delete(url)
      this.#unknown.set(url, now + UNKNOWN_MS, 0)
      return 'unknown_key'
    }
    this.#known.set(url, { key, freshUntil: now + FRESH_MS, until: now + STALE_MS }, 0)
    return key
  }

  #succeeded(): void {
    this.#fetches.ok++
    this.#failures = 0
    this.#pausedUntil = Number.NEGATIVE_INFINITY
    this.#answeredAt = this.#options.monotonicMs()
    this.#lastError = undefined
  }

  #failed(error: unknown): void {
    this.#fetches.failed++
    this.#failures++
    // Messages of other errors may quote what the peer sent.
    this.#lastError = error instanceof FetchError ? error.message : 'unexpected error while fetching a key'
    const pause = backoffMs(this.#failures, keyLimits, Math.random())
    this.#pausedUntil = this.#options.monotonicMs() + pause
    const fields = { provider: this.#options.provider, error: this.#lastError, retryInMs: Math.round(pause) }
    this.#options.log.warn(fields, 'fetching a key failed')
  }
}

/** @throws {FetchError} it is no public key on P-256 */
function p256KeyOf(pem: string): KeyObject {
  try {
    const key = createPublicKey(pem)
    if (key.asymmetricKeyType === 'ec' && key.asymmetricKeyDetails?.namedCurve === 'prime256v1') return key
  } catch {
    // Falls through: OpenSSL's message says nothing more.
  }
  throw new FetchError('the answer is no public key of the kind that load balancers have')
}
