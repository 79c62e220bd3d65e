import { readFile } from 'node:fs/promises'
import type { ProviderConfig } from './config.ts'
import { discoveryUrl, jwksUriOf } from './discovery.ts'
import { FetchError, getJson, type JsonAnswer } from './http-get.ts'
import type { VerificationKey } from './jwk.ts'
import { KeySet, parseKeySet } from './key-set.ts'
import type { Log } from './log.ts'
import { backoffMs, freshForMs, keyLimits, type KeyLimits } from './refresh-times.ts'

/** State of one provider's keys, for /status, metrics and readiness. */
export interface ProviderStatus {
  readonly provider: string
  /** Keys that may verify now; 0 when there are none or they are too old. */
  readonly keys: number
  /** Seconds since the last successful fetch; null before the first. */
  readonly ageS: number | null
  /** Past their refresh time: kept because the endpoint fails. */
  readonly stale: boolean
  /** Why the latest fetch failed; absent after a success. */
  readonly lastError?: string
  readonly fetches: { readonly ok: number; readonly failed: number }
}

export interface KeyManagerOptions {
  readonly log: Log
  /** Milliseconds that only move forward; wall clocks jump, and keys must not grow old by that. */
  readonly monotonicMs?: () => number
  readonly limits?: Partial<KeyLimits>
}

/** Why no key is at hand. `keys_unavailable` is our trouble (503), the others are the token's (401). */
export type NoKey = 'unknown_key' | 'alg_not_allowed' | 'keys_unavailable'

/**
 * The published keys of one provider: fetched in the background, refreshed before they are due, kept while the endpoint
 * fails, and given up when they are too old to be trusted. jose's createRemoteJWKSet serves nothing stale and retries at
 * every request, so an outage of the provider becomes an outage of everything and a storm on top.
 */
export class KeyManager {
  readonly #provider: ProviderConfig
  readonly #log: Log
  readonly #now: () => number
  readonly #limits: KeyLimits
  readonly #fetches = { ok: 0, failed: 0 }
  readonly #closed = new AbortController()
  #set = new KeySet([])
  #generation = 0
  #jwksUri: URL | undefined
  #fetchedAt = Number.NEGATIVE_INFINITY
  #refreshAt = Number.NEGATIVE_INFINITY
  #unknownKidAt = Number.NEGATIVE_INFINITY
  #failures = 0
  #lastError: string | undefined
  #inFlight: Promise<void> | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(provider: ProviderConfig, options: KeyManagerOptions) {
    this.#provider = provider
    this.#log = options.log
    this.#now = options.monotonicMs ?? (() => performance.now())
    this.#limits = { ...keyLimits, ...options.limits }
    if (provider.jwksUri !== undefined) this.#jwksUri = new URL(provider.jwksUri)
  }

  /** Grows with every change of the key set. */
  get generation(): number {
    return this.#generation
  }

  /** Begins fetching; failures are retried in the background until {@link close}. */
  start(): void {
    void this.refresh()
  }

  /** Ends timers and fetches under way. The keys at hand serve until they are too old. */
  close(): void {
    clearTimeout(this.#timer)
    this.#closed.abort()
  }

  /** Whether there are keys young enough to verify with. */
  usable(): boolean {
    return this.#now() <= this.#refreshAt + this.#limits.maxStaleMs
  }

  /** Whether the key a cached token was verified with is still published. */
  isLive(keyId: string): boolean {
    return this.#set.has(keyId)
  }

  /** Keys to try for a token, at most three. Looks only, fetches nothing. */
  find(kid: string | undefined, alg: string): readonly VerificationKey[] | NoKey {
    if (!this.usable()) return 'keys_unavailable'
    const found = this.#set.candidates(kid, alg)
    // While the endpoint fails we cannot know whether a new key exists: that is no fault of the token.
    return found === 'unknown_key' && this.#failures > 0 ? 'keys_unavailable' : found
  }

  /**
   * A fetch that may bring the missing key, or undefined when waiting is no use. An unknown kid starts one fetch per
   * cool-down for all senders together, so that random kids make no storm; without usable keys only a fetch that is
   * under way anyway is waited for, because the back-off must not be undone by requests. Never rejects.
   */
  awaitMissing(missing: NoKey): Promise<void> | undefined {
    if (missing === 'alg_not_allowed') return undefined
    if (this.#inFlight !== undefined || missing === 'keys_unavailable') return this.#inFlight
    if (this.#now() < this.#unknownKidAt + this.#limits.unknownKidCooldownMs) return undefined
    this.#unknownKidAt = this.#now()
    return this.refresh()
  }

  status(): ProviderStatus {
    const now = this.#now()
    return {
      provider: this.#provider.name,
      keys: this.usable() ? this.#set.size : 0,
      ageS: this.#fetchedAt === Number.NEGATIVE_INFINITY ? null : (now - this.#fetchedAt) / 1000,
      stale: this.#set.size > 0 && now > this.#refreshAt,
      ...(this.#lastError === undefined ? {} : { lastError: this.#lastError }),
      fetches: { ...this.#fetches },
    }
  }

  /** Fetches now, or joins the fetch under way; then plans the next one. Never rejects. */
  refresh(): Promise<void> {
    if (this.#closed.signal.aborted) return Promise.resolve()
    this.#inFlight ??= this.#refreshOnce().finally(() => {
      this.#inFlight = undefined
    })
    return this.#inFlight
  }

  async #refreshOnce(): Promise<void> {
    clearTimeout(this.#timer)
    let pause: number
    try {
      pause = await this.#load()
    } catch (error) {
      pause = this.#failed(error)
    }
    if (this.#closed.signal.aborted) return
    this.#timer = setTimeout(() => void this.refresh(), pause)
    this.#timer.unref()
  }

  /** @returns milliseconds until the next refresh */
  async #load(): Promise<number> {
    const ca = this.#provider.caFile === undefined ? undefined : await readCa(this.#provider.caFile)
    this.#jwksUri ??= jwksUriOf((await this.#get(discoveryUrl(this.#provider.issuer), ca)).body, this.#provider.issuer)
    const { body, cacheControl } = await this.#get(this.#jwksUri, ca)
    const { set, refused } = await parseKeySet(body, this.#limits.maxKeys)
    const fresh = freshForMs(cacheControl, this.#limits)
    this.#fetchedAt = this.#now()
    this.#refreshAt = this.#fetchedAt + fresh
    this.#fetches.ok++
    this.#failures = 0
    this.#lastError = undefined
    if (!set.equals(this.#set)) {
      this.#set = set
      this.#generation++
      this.#log.info(
        { provider: this.#provider.name, keys: set.size, refused, generation: this.#generation },
        'keys changed',
      )
    }
    return fresh * (0.8 + Math.random() * 0.2)
  }

  /** @returns milliseconds until the next attempt */
  #failed(error: unknown): number {
    this.#fetches.failed++
    this.#failures++
    // Messages of other errors may quote what the peer sent.
    this.#lastError = error instanceof FetchError ? error.message : 'unexpected error while reading keys'
    // The metadata may have moved the keys elsewhere: ask again.
    if (this.#provider.jwksUri === undefined) this.#jwksUri = undefined
    const pause = backoffMs(this.#failures, this.#limits, Math.random())
    if (!this.#closed.signal.aborted) {
      const fields = {
        provider: this.#provider.name,
        error: this.#lastError,
        failures: this.#failures,
        retryInMs: Math.round(pause),
      }
      this.#log.warn(fields, 'fetching keys failed')
    }
    return pause
  }

  #get(url: URL, ca: string | undefined): Promise<JsonAnswer> {
    return getJson(url, {
      timeoutMs: this.#limits.timeoutMs,
      maxBytes: this.#limits.maxBodyBytes,
      ca,
      signal: this.#closed.signal,
    })
  }
}

async function readCa(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch {
    throw new FetchError('caFile cannot be read')
  }
}
