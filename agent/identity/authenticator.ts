import { extractBearer } from './bearer.ts'
import { assertProviders, type ProviderConfig } from './config.ts'
import { createCounters, OUTCOME_OK, outcomeColumn, outcomes, type AuthCounters } from './counters.ts'
import type { AuthResult } from './identity.ts'
import { KeyManager, type ProviderStatus } from './keys.ts'
import type { Log } from './log.ts'
import { denied, type Denied } from './reasons.ts'
import type { KeyLimits } from './refresh-times.ts'
import { parseStrict, type StrictJwt } from './strict-jwt.ts'
import { cacheKey, cacheKeyPrefix, cacheLimits, TokenCache, tokenDigest, type CacheLimits } from './token-cache.ts'
import { verifyToken, type Verdict } from './token-verifier.ts'

export type { ProviderStatus } from './keys.ts'

/** Tokens that may wait for a fetch or the thread pool at once; beyond that the answer is `overload`. */
const MAX_PENDING = 1024

/** Proves who calls. One per process: keys, cache and counters are shared by all rules. */
export interface Authenticator {
  /** Plain numbers, read at scrape. */
  readonly counters: AuthCounters
  /**
   * Who sent this request? Synchronous on a cache hit, on every refusal that needs no key, and for the quick algorithms;
   * a promise while keys are fetched and for slow ones. Never throws, never rejects.
   * @param authorization whole field value of Authorization, undefined when absent
   * @param headerCount number of Authorization fields in the request
   * @param providers names of the providers the rule allows; of two with one issuer the first counts
   */
  authenticate(
    authorization: string | undefined,
    headerCount: number,
    providers: readonly string[],
  ): AuthResult | Promise<AuthResult>
  /** Begins fetching keys in the background; never fails. */
  start(): void
  /** Whether every provider that is `required` has usable keys. */
  ready(): boolean
  status(): ProviderStatus[]
  /** Ends timers and fetches. */
  close(): void
}

export interface AuthenticatorOptions {
  /** Milliseconds since the epoch. */
  readonly now?: () => number
  /** Milliseconds that only move forward, for the age of keys. */
  readonly monotonicMs?: () => number
  readonly log: Log
  readonly keyLimits?: Partial<KeyLimits>
  readonly cacheLimits?: Partial<CacheLimits>
}

interface Provider {
  readonly config: ProviderConfig
  readonly keys: KeyManager
  readonly cachePrefix: string
  /** First slot of its row in the results. */
  readonly row: number
}

/** @throws {TypeError} a provider that could never be safe, see {@link assertProviders} */
export function createAuthenticator(
  providers: readonly ProviderConfig[],
  options: AuthenticatorOptions,
): Authenticator {
  assertProviders(providers)
  return new JwtAuthenticator(providers, options)
}

class JwtAuthenticator implements Authenticator {
  readonly counters: AuthCounters
  readonly #providers = new Map<string, Provider>()
  readonly #cache: TokenCache
  readonly #now: () => number
  readonly #log: Log
  /** Verifications under way by cache key: the same token is verified once, however many requests wait for it. */
  readonly #pending = new Map<string, Promise<AuthResult>>()

  constructor(providers: readonly ProviderConfig[], options: AuthenticatorOptions) {
    this.#now = options.now ?? Date.now
    this.#log = options.log
    // A clock is corrected by some milliseconds all day long: that is no step.
    const toleratedStepMs = Math.max(1000, Math.min(...providers.map((provider) => provider.clockSkewS * 1000)))
    this.#cache = new TokenCache(toleratedStepMs, { ...cacheLimits, ...options.cacheLimits })
    this.counters = createCounters(
      providers.map((provider) => provider.name),
      this.#cache,
    )
    const keyOptions = {
      log: options.log,
      ...(options.monotonicMs === undefined ? {} : { monotonicMs: options.monotonicMs }),
      ...(options.keyLimits === undefined ? {} : { limits: options.keyLimits }),
    }
    for (const [index, config] of providers.entries()) {
      const keys = new KeyManager(config, keyOptions)
      this.#providers.set(config.name, {
        config,
        keys,
        cachePrefix: cacheKeyPrefix(config),
        row: (index + 1) * outcomes.length,
      })
    }
  }

  authenticate(
    authorization: string | undefined,
    headerCount: number,
    providers: readonly string[],
  ): AuthResult | Promise<AuthResult> {
    try {
      const token = extractBearer(authorization, headerCount)
      if (typeof token !== 'string') return this.#count(0, token)
      const nowMs = this.#now()
      this.#cache.observe(nowMs)
      const digest = tokenDigest(token)
      return this.#cached(digest, providers, nowMs) ?? this.#verify(token, digest, providers, nowMs)
    } catch (error) {
      return this.#count(0, this.#failed(error))
    }
  }

  start(): void {
    for (const { keys } of this.#providers.values()) keys.start()
  }

  ready(): boolean {
    return [...this.#providers.values()].every(({ config, keys }) => !config.required || keys.usable())
  }

  status(): ProviderStatus[] {
    return [...this.#providers.values()].map(({ keys }) => keys.status())
  }

  close(): void {
    for (const { keys } of this.#providers.values()) keys.close()
  }

  #cached(digest: string, names: readonly string[], nowMs: number): AuthResult | undefined {
    for (const name of names) {
      const provider = this.#providers.get(name)
      // Keys that are too old prove nothing any more, neither by a new verification nor by one remembered.
      if (provider === undefined || !provider.keys.usable()) continue
      const result = this.#cache.get(cacheKey(provider.cachePrefix, digest), provider.keys, nowMs)
      if (result !== undefined) return this.#count(provider.row, result)
    }
    return undefined
  }

  #verify(token: string, digest: string, names: readonly string[], nowMs: number): AuthResult | Promise<AuthResult> {
    this.#cache.counters.misses++
    const parsed = parseStrict(token)
    if (!parsed.ok) return this.#count(0, parsed)
    const provider = this.#select(parsed, names)
    if (provider === undefined) return this.#count(0, denied('unknown_issuer'))
    const key = cacheKey(provider.cachePrefix, digest)
    const underWay = this.#pending.get(key)
    if (underWay !== undefined) return underWay.then((result) => this.#count(provider.row, result))
    const verdict = verifyToken(parsed, digest, provider.config, provider.keys, {
      now: this.#now,
      mayWait: this.#pending.size < MAX_PENDING,
    })
    if (!(verdict instanceof Promise))
      return this.#count(provider.row, this.#keep(key, token.length, verdict, provider, nowMs))
    const result = verdict
      .then((late) => this.#keep(key, token.length, late, provider, this.#now()))
      .catch((error: unknown) => this.#failed(error))
      .finally(() => this.#pending.delete(key))
    this.#pending.set(key, result)
    return result.then((settled) => this.#count(provider.row, settled))
  }

  /** By the unverified issuer: a lookup among configured names, so nothing the token says is ever fetched. */
  #select(token: StrictJwt, names: readonly string[]): Provider | undefined {
    for (const name of names) {
      const provider = this.#providers.get(name)
      if (provider?.config.issuer === token.issuer) return provider
    }
    return undefined
  }

  #keep(key: string, tokenLength: number, verdict: Verdict, provider: Provider, nowMs: number): AuthResult {
    const { result, keyId } = verdict
    if (result.ok) this.#cache.put(key, { result, keyId, tokenLength }, provider.config, nowMs)
    else this.#cache.putDenied(key, result, provider.keys, nowMs)
    return result
  }

  #count(row: number, result: AuthResult): AuthResult {
    const slot = row + (result.ok ? OUTCOME_OK : outcomeColumn(result.reason))
    this.counters.results[slot] = (this.counters.results[slot] ?? 0) + 1
    return result
  }

  /** A defect of ours or of a library: denied, never let through, and told without the text that may quote a token. */
  #failed(error: unknown): Denied {
    const stack =
      error instanceof Error
        ? error.stack
            ?.split('\n')
            .filter((line) => line.startsWith('    at '))
            .slice(0, 8)
        : undefined
    this.#log.error(
      { error: error instanceof Error ? error.name : typeof error, stack },
      'authentication failed unexpectedly',
    )
    return denied('internal_error')
  }
}
