import { FetchError } from './http/fetch-error.ts'
import type { KeyAge } from './identity.ts'
import type { VerificationKey } from './jwk.ts'
import { KeySet } from './key-set.ts'
import { KeySnapshot } from './key-snapshot.ts'
import { KeySource, type KeySourceConfig } from './key-source.ts'
import type { Log } from './log.ts'
import {
  backoffMs,
  keyLimits,
  MAX_STALE_CEILING_MS,
  politePauseMs,
  refreshPauseMs,
  type KeyLimits,
} from './refresh-times.ts'

/** State of one issuer's keys, for /status, metrics and readiness. */
export interface ProviderStatus {
  readonly provider: string
  /** Whose published keys these are; absent where the provider keeps its own. */
  readonly issuer?: string
  /** Keys that may verify now; 0 when there are none or they are too old. */
  /** Undefined for kinds without keys. */
  readonly keys?: number
  /** Seconds since they were fetched, by an agent before this one where they come from disk; null before the first. */
  readonly ageS: number | null
  /** Past their refresh time: kept because the endpoint fails. */
  readonly stale: boolean
  /** Whether the keys at hand came from the endpoint or from keysFile; absent without keys. */
  readonly source?: 'network' | 'disk'
  /** Why the latest fetch failed; absent after a success. */
  readonly lastError?: string
  /** Why keysFile could not be written; absent when it was, and without one. */
  readonly fileError?: string
  readonly fetches: { readonly ok: number; readonly failed: number }
  /** Seconds until the next planned fetch, 0 while one is under way; absent where none is planned. */
  readonly nextFetchS?: number
}

export interface KeyManagerOptions {
  readonly log: Log
  /** Milliseconds that only move forward; wall clocks jump, and keys must not grow old by that. */
  readonly monotonicMs?: () => number
  readonly limits?: Partial<KeyLimits>
  /** Told when a key is not published any more, after {@link KeyManager.isLive} says so. */
  readonly onRemoved?: () => void
}

/** Why no key is at hand. `keys_unavailable` is our trouble (503), the others are the token's (401). */
export type NoKey = 'unknown_key' | 'alg_not_allowed' | 'keys_unavailable'

/**
 * The published keys of one issuer: fetched in the background, refreshed before they are due, kept while the endpoint
 * fails, and given up when they are too old to be trusted. jose's createRemoteJWKSet serves nothing stale and retries at
 * every request, so an outage of the provider becomes an outage of everything and a storm on top.
 */
export class KeyManager implements KeyAge {
  readonly #provider: KeySourceConfig
  readonly #log: Log
  readonly #now: () => number
  readonly #limits: KeyLimits
  readonly #source: KeySource
  readonly #snapshot: KeySnapshot | undefined
  readonly #fetches = { ok: 0, failed: 0 }
  readonly #closed = new AbortController()
  readonly #onRemoved: (() => void) | undefined
  #set = new KeySet([])
  /** Generation since which each key has been published without a break. */
  #since: ReadonlyMap<string, number> = new Map()
  #generation = 0
  #origin: 'network' | 'disk' | undefined
  #fetchedAt = Number.NEGATIVE_INFINITY
  #refreshAt = Number.NEGATIVE_INFINITY
  #unknownKidAt = Number.NEGATIVE_INFINITY
  #failures = 0
  #lastError: string | undefined
  #inFlight: Promise<void> | undefined
  #timer: NodeJS.Timeout | undefined
  #nextAt: number | undefined

  /** @throws {TypeError} settings that no key can be fetched with */
  constructor(provider: KeySourceConfig, options: KeyManagerOptions) {
    const { log, monotonicMs = () => performance.now() } = options
    const limits = { ...keyLimits, ...options.limits }
    this.#provider = provider
    this.#log = log
    this.#now = monotonicMs
    this.#onRemoved = options.onRemoved
    this.#limits = { ...limits, maxStaleMs: Math.min(provider.maxStaleMs ?? limits.maxStaleMs, MAX_STALE_CEILING_MS) }
    this.#source = new KeySource(provider, limits, this.#closed.signal)
    const { name, issuer, keysFile: path } = provider
    if (path !== undefined)
      this.#snapshot = new KeySnapshot({ path, provider: name, issuer, maxKeys: limits.maxKeys, log })
  }

  /** Grows with every change of the key set. */
  get generation(): number {
    return this.#generation
  }

  /** Seconds since the keys were fetched, by an agent before this one where they come from disk; Infinity before the first. */
  get ageS(): number {
    return (this.#now() - this.#fetchedAt) / 1000
  }

  /** Past their refresh time: kept because the endpoint fails. */
  get stale(): boolean {
    return this.#set.size > 0 && this.#now() > this.#refreshAt
  }

  /** Begins with the keys on disk, then fetches; failures are retried in the background until {@link close}. */
  start(): void {
    if (this.#snapshot === undefined) return void this.refresh()
    // Whoever waits, waits for the disk, and for the network only if that did not help.
    this.#inFlight = this.#restore(this.#snapshot).then(() => {
      this.#inFlight = undefined
      const fetching = this.refresh()
      return this.usable() ? undefined : fetching
    })
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

  /** Whether a key has been published without a break since a generation: one that was removed may have been for a reason. */
  isLive(keyId: string, generation: number): boolean {
    return (this.#since.get(keyId) ?? Infinity) <= generation
  }

  /** Keys to try for a token, at most three. Looks only, fetches nothing. */
  find(kid: string | undefined, alg: string): readonly VerificationKey[] | NoKey {
    if (!this.usable()) return 'keys_unavailable'
    const found = this.#set.candidates(kid, alg)
    // While the endpoint fails, or has not answered yet, we cannot know whether a new key exists: no fault of the token.
    return found === 'unknown_key' && (this.#failures > 0 || this.#origin === 'disk') ? 'keys_unavailable' : found
  }

  /** Whole seconds until the next planned fetch, at least 1: what a refused client may be told to wait. */
  retryAfterS(): number {
    return Math.max(1, Math.ceil(this.#nextFetchS() ?? 0))
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
    const { name, issuer } = this.#provider
    const { ageS } = this
    const fileError = this.#snapshot?.lastError
    const nextFetchS = this.#nextFetchS()
    return {
      provider: name,
      issuer,
      keys: this.usable() ? this.#set.size : 0,
      ageS: Number.isFinite(ageS) ? ageS : null,
      stale: this.stale,
      ...(this.#origin === undefined ? {} : { source: this.#origin }),
      ...(this.#lastError === undefined ? {} : { lastError: this.#lastError }),
      ...(fileError === undefined ? {} : { fileError }),
      fetches: { ...this.#fetches },
      ...(nextFetchS === undefined ? {} : { nextFetchS }),
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

  #nextFetchS(): number | undefined {
    if (this.#closed.signal.aborted) return undefined
    if (this.#inFlight !== undefined) return 0
    return this.#nextAt === undefined ? undefined : Math.max(0, (this.#nextAt - this.#now()) / 1000)
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
    this.#nextAt = this.#now() + pause
    this.#timer = setTimeout(() => void this.refresh(), pause)
    this.#timer.unref()
  }

  /** Takes the keys on disk until the endpoint answers. They are due at once, so their age alone says how long they serve. */
  async #restore(snapshot: KeySnapshot): Promise<void> {
    const stored = await snapshot.load(this.#limits.maxStaleMs)
    if (stored === undefined) return
    this.#fetchedAt = this.#now() - stored.ageMs
    this.#refreshAt = this.#fetchedAt
    this.#take(stored.set, 'disk', [])
  }

  /** @returns milliseconds until the next refresh */
  async #load(): Promise<number> {
    const { set, jwks, refused, freshMs } = await this.#source.fetch()
    this.#fetchedAt = this.#now()
    this.#refreshAt = this.#fetchedAt + freshMs
    this.#fetches.ok++
    this.#failures = 0
    this.#lastError = undefined
    this.#take(set, 'network', refused)
    // Each time, changed or not, because the file counts by its age; not waited for, a slow disk is no reason for that.
    void this.#snapshot?.save(jwks)
    return refreshPauseMs(freshMs, Math.random())
  }

  #take(set: KeySet, origin: 'network' | 'disk', refused: readonly string[]): void {
    this.#origin = origin
    if (set.equals(this.#set)) return
    this.#set = set
    const generation = ++this.#generation
    const before = this.#since
    this.#since = new Map(set.ids.map((id) => [id, before.get(id) ?? generation]))
    const { name: provider, issuer } = this.#provider
    this.#log.info(
      { provider, issuer, keys: set.size, source: origin, refused, generation: this.#generation },
      'keys changed',
    )
    if ([...before.keys()].some((id) => !this.#since.has(id))) this.#onRemoved?.()
  }

  /** @returns milliseconds until the next attempt */
  #failed(error: unknown): number {
    this.#fetches.failed++
    this.#failures++
    const known = error instanceof FetchError ? error : undefined
    // Messages of other errors may quote what the peer sent.
    this.#lastError = known?.message ?? 'unexpected error while reading keys'
    const pause = politePauseMs(
      backoffMs(this.#failures, this.#limits, Math.random()),
      known?.retryAfterMs,
      this.#limits,
    )
    if (!this.#closed.signal.aborted) {
      const fields = {
        provider: this.#provider.name,
        issuer: this.#provider.issuer,
        error: this.#lastError,
        failures: this.#failures,
        retryInMs: Math.round(pause),
      }
      this.#log.warn(fields, 'fetching keys failed')
    }
    return pause
  }
}
