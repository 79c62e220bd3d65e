import { FetchError } from '../http/fetch-error.ts'
import type { Log } from '../log.ts'
import { Lru } from '../lru.ts'
import { Breaker, type BreakerLimits } from './breaker.ts'
import { type Meaning, meaningOf } from './failure.ts'

export interface RemoteLimits extends BreakerLimits {
  readonly maxEntries: number
  /** Declared bytes of all positive entries. */
  readonly maxBytes: number
  /** Negative answers are kept apart, so that made-up credentials never push out real ones. */
  readonly maxNegativeEntries: number
  /** Questions under way at once; more are `overload`: what waits in a queue for its turn misses its deadline there. */
  readonly maxPending: number
  /** Milliseconds for which a credential is not asked about again after its question failed. */
  readonly failureMs: number
}

export const remoteLimits: RemoteLimits = Object.freeze({
  maxEntries: 50_000,
  maxBytes: 64 * 1024 * 1024,
  maxNegativeEntries: 10_000,
  maxPending: 128,
  failureMs: 1_000,
  breakAfter: 5,
  minBackoffMs: 500,
  maxBackoffMs: 10_000,
})

/** What the peer said of a credential, and how long that may be believed. */
export interface Told<V> {
  readonly value: V
  /** A refusal. */
  readonly negative: boolean
  /** Milliseconds; 0: for those that wait for it now and nobody after them. */
  readonly freshMs: number
  /** Milliseconds past that, in which it still serves if the peer does not answer. */
  readonly staleMs?: number
  /** Estimated bytes of the value. */
  readonly bytes: number
}

/** An answer, or why there is none: the peer's trouble, or ours with too many questions. */
export type Asked<V> = { readonly value: V; readonly stale: boolean } | 'unavailable' | 'overload'

/** Asks the peer about one credential. @throws {FetchError} any answer that is none */
export type Ask<V> = (signal: AbortSignal) => Promise<Told<V>>

/** Plain counts since the start, to be read at scrape. */
export interface RemoteCounters {
  hits: number
  negativeHits: number
  misses: number
  /** Served past their time because the peer did not answer. */
  stale: number
  /** Questions that were answered, and those that were not. */
  ok: number
  failed: number
  overload: number
}

/** The counts, and what is held now. */
export interface RemoteFigures extends Readonly<RemoteCounters> {
  readonly entries: number
  readonly negativeEntries: number
  /** Estimated, of the positive entries. */
  readonly bytes: number
  /** Positive entries dropped to make room. */
  readonly evictions: number
  /** Questions under way. */
  readonly pending: number
}

export interface RemoteCacheOptions {
  /** The provider's name, for the log. */
  readonly provider: string
  readonly log: Log
  /** Milliseconds that only move forward: what was heard grows old by them, however the wall clock is set. */
  readonly monotonicMs: () => number
  readonly limits?: Partial<RemoteLimits>
  /**
   * A question of our own, which holds nothing of any credential: put when the peer seems to be away, and only if that
   * fails too, it is. A firewall may drop the connection, or a worker crash, because of what somebody sends.
   */
  readonly check?: ((signal: AbortSignal) => Promise<unknown>) | undefined
}

interface Entry<V> {
  readonly value: V
  readonly freshUntil: number
  readonly staleUntil: number
}

interface Failure {
  readonly until: number
  readonly meaning: Meaning | undefined
}

/**
 * What a peer (introspection endpoint, forward-auth server, AWS STS, ...) told of credentials, by their digests. Each
 * credential is asked about once however many requests show it at once; refusals live apart and shortly; a peer that
 * fails is left alone for a while, and then asked by one request at a time.
 *
 * For any scheme that asks somebody: `fresh(key)` first, which is synchronous, then `ask(key, ...)`. The key must tell
 * apart everything that the answer depends on, and hold no secret: a SHA-256. What depends on the moment or the request
 * (dates, key binding, scopes) is judged by the caller after each of the two, never remembered here.
 */
export class RemoteCache<V> {
  readonly counters: RemoteCounters = { hits: 0, negativeHits: 0, misses: 0, stale: 0, ok: 0, failed: 0, overload: 0 }
  /** Why the latest question failed; undefined after a success. Never holds bytes of an answer. */
  lastError: string | undefined
  readonly #options: RemoteCacheOptions
  readonly #limits: RemoteLimits
  readonly #breaker: Breaker
  readonly #positive: Lru<Entry<V>>
  readonly #negative: Lru<Entry<V>>
  /** Why the question about a credential failed, and until when it is not put again. */
  readonly #failed: Lru<Failure>
  readonly #pending = new Map<string, Promise<Asked<V>>>()
  readonly #closed = new AbortController()
  #answeredAt = Number.NEGATIVE_INFINITY
  /** Whether a question of our own has found nobody since the peer was last there. */
  #confirmed = false

  constructor(options: RemoteCacheOptions) {
    this.#options = options
    this.#limits = { ...remoteLimits, ...options.limits }
    const { maxEntries, maxBytes, maxNegativeEntries } = this.#limits
    this.#breaker = new Breaker(this.#limits, options.monotonicMs)
    this.#positive = new Lru({ maxEntries, maxBytes })
    this.#negative = new Lru({ maxEntries: maxNegativeEntries, maxBytes: Number.POSITIVE_INFINITY })
    this.#failed = new Lru({ maxEntries: maxNegativeEntries, maxBytes: Number.POSITIVE_INFINITY })
  }

  /** All that is counted, now. */
  get figures(): RemoteFigures {
    return {
      ...this.counters,
      entries: this.#positive.size,
      negativeEntries: this.#negative.size,
      bytes: this.#positive.bytes,
      evictions: this.#positive.evictions,
      pending: this.#pending.size,
    }
  }

  /** Whether the peer is left alone for a while: it does not answer, or wants none of our questions. */
  get isPaused(): boolean {
    return this.#breaker.isOpen
  }

  /** Whether nobody is there to answer, whatever credential is asked about. */
  get isAway(): boolean {
    return this.#breaker.isAway && (this.#confirmed || this.#options.check === undefined)
  }

  /** Seconds since the peer last answered; null before. */
  get answeredSecondsAgo(): number | null {
    return this.#answeredAt === Number.NEGATIVE_INFINITY
      ? null
      : (this.#options.monotonicMs() - this.#answeredAt) / 1000
  }

  /** What is known and not too old. */
  fresh(key: string): V | undefined {
    const now = this.#options.monotonicMs()
    const entry = this.#positive.get(key)
    if (entry !== undefined && now < entry.freshUntil) {
      this.counters.hits++
      return entry.value
    }
    if (entry !== undefined && now >= entry.staleUntil) this.#positive.delete(key)
    const refusal = this.#negative.get(key)
    if (refusal === undefined) return undefined
    if (now < refusal.freshUntil) {
      this.counters.negativeHits++
      return refusal.value
    }
    this.#negative.delete(key)
    return undefined
  }

  /**
   * Asks, or joins whoever asks about the same credential. At once where the peer must not be asked: it is down, this
   * question has just failed, or too many are under way. Never rejects.
   */
  ask(key: string, question: Ask<V>): Asked<V> | Promise<Asked<V>> {
    this.counters.misses++
    const underWay = this.#pending.get(key)
    if (underWay !== undefined) return underWay
    if (this.#closed.signal.aborted) return this.#without(key)
    const failure = this.#latestFailure(key)
    if (failure !== undefined) return this.#without(key, failure.meaning)
    if (this.#pending.size >= this.#limits.maxPending) {
      this.counters.overload++
      // Not even a stale answer: whoever makes us busy must not bring back what a question would refuse.
      return 'overload'
    }
    const ticket = this.#breaker.admit()
    if (ticket === undefined) return this.#without(key, this.#breaker.isAway ? 'away' : 'unwelcome')
    const answer = this.#askOnce(key, ticket, question).finally(() => this.#pending.delete(key))
    this.#pending.set(key, answer)
    return answer
  }

  /** Forgets everything: what the answers depended on has changed. */
  clear(): void {
    this.#positive.clear()
    this.#negative.clear()
    this.#failed.clear()
  }

  /** Ends the questions under way. */
  close(): void {
    this.#closed.abort()
  }

  async #askOnce(key: string, ticket: number, question: Ask<V>): Promise<Asked<V>> {
    try {
      const told = await question(this.#closed.signal)
      this.#keep(key, told)
      this.#answered()
      return { value: told.value, stale: false }
    } catch (error) {
      const meaning = meaningOf(error)
      if (this.#fail(key, ticket, error) && meaning === 'away') await this.#confirm()
      return this.#without(key, meaning)
    }
  }

  #keep(key: string, { value, negative, freshMs, staleMs = 0, bytes }: Told<V>): void {
    // The latest word replaces any older one, also where it is not kept itself.
    this.#positive.delete(key)
    this.#negative.delete(key)
    this.#failed.delete(key)
    const freshUntil = this.#options.monotonicMs() + freshMs
    const entry = { value, freshUntil, staleUntil: freshUntil + staleMs }
    if (negative && freshMs > 0) this.#negative.set(key, entry, 0)
    if (!negative && freshMs + staleMs > 0) this.#positive.set(key, entry, bytes)
  }

  /**
   * The last answer where it may still serve, else why there is none. Of a peer that has had enough of us it does not:
   * others can bring that about, and must not bring back what a question would refuse.
   */
  #without(key: string, meaning?: Meaning): Asked<V> {
    const entry = meaning === 'unwelcome' ? undefined : this.#positive.get(key)
    if (entry === undefined || this.#options.monotonicMs() >= entry.staleUntil) return 'unavailable'
    this.counters.stale++
    return { value: entry.value, stale: true }
  }

  #latestFailure(key: string): Failure | undefined {
    const failure = this.#failed.get(key)
    if (failure === undefined || this.#options.monotonicMs() < failure.until) return failure
    this.#failed.delete(key)
    return undefined
  }

  #answered(): void {
    this.counters.ok++
    this.#answeredAt = this.#options.monotonicMs()
    this.#isThere()
    this.lastError = undefined
  }

  #isThere(): void {
    const { provider, log } = this.#options
    if (this.#breaker.isOpen) log.info({ provider }, 'the peer answers again')
    this.#breaker.answered()
    this.#confirmed = false
  }

  /** Never rejects. */
  async #confirm(): Promise<void> {
    const { check } = this.#options
    if (check === undefined) return
    try {
      await check(this.#closed.signal)
    } catch (error) {
      const meaning = meaningOf(error)
      this.#confirmed = meaning === 'away'
      if (meaning !== 'answered') return
    }
    this.#isThere()
  }

  /** @returns whether a pause begins by it */
  #fail(key: string, ticket: number, error: unknown): boolean {
    if (this.#closed.signal.aborted) return false
    this.counters.failed++
    const meaning = meaningOf(error)
    this.#failed.set(key, { until: this.#options.monotonicMs() + this.#limits.failureMs, meaning }, 0)
    // Messages of other errors may quote what the peer sent.
    this.lastError = error instanceof FetchError ? error.message : `unexpected ${nameOf(error)} while asking`
    if (meaning === 'answered') this.#isThere()
    // A defect of ours says nothing of the peer.
    if (meaning === undefined || meaning === 'answered' || !this.#breaker.failed(ticket, meaning)) return false
    const { provider, log } = this.#options
    // Told when it is given up on for a while, not per request.
    log.warn({ provider, error: this.lastError }, 'the peer gives no answers: it is left alone for a while')
    return true
  }
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : 'error'
}
