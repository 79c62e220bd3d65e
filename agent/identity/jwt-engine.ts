import { CachePurge } from './cache-purge.ts'
import type { Conclusion } from './conclusion.ts'
import { assertProviders, type ProviderConfig } from './config.ts'
import type { Evidence } from './evidence.ts'
import type { AuthResult } from './identity.ts'
import { KeyManager, type KeyManagerOptions, type ProviderStatus } from './keys.ts'
import { denied } from './reasons.ts'
import type { Judge } from './plan.ts'
import { parseStrict, type StrictJwt } from './strict-jwt.ts'
import { type CacheLimits, TokenCache } from './token-cache.ts'
import { tokenDigest } from './token-digest.ts'
import { verifyToken, type Verdict } from './token-verifier.ts'

/** Tokens that may wait for a fetch or the thread pool at once; beyond that the answer is `overload`. */
const MAX_PENDING = 1024

/** One issuer that a provider trusts. */
interface Trust {
  readonly config: ProviderConfig
  readonly keys: KeyManager
}

/** A provider of agent.yaml with its issuers: several accounts or tenants may stand under one name. */
interface Provider {
  readonly trusts: readonly Trust[]
  /** Of its own, so that the tokens of one issuer cannot drive out those of another. By `tokenDigest`. */
  readonly cache: TokenCache
  /** Verifications under way: the same token is verified once, however many requests wait for it. By `tokenDigest`. */
  readonly pending: Map<string, Promise<AuthResult>>
  /** Its row in the counters. */
  readonly row: number
}

export interface JwtEngineOptions extends KeyManagerOptions {
  readonly now: () => number
  readonly cacheLimits: CacheLimits
  /** How far the clock may go back before what is remembered is judged anew, in milliseconds. */
  readonly toleratedStepMs: number
  readonly conclusion: Conclusion
  readonly onError: (error: unknown) => AuthResult
}

/**
 * Signed JWTs of all providers. Whatever rule asks, a provider has one set of keys and one cache: it verifies a token once.
 */
export class JwtEngine {
  readonly #providers = new Map<string, Provider>()
  readonly #options: JwtEngineOptions
  /** Tokens of all providers that wait. */
  #waiting = 0

  /** @throws {TypeError} a provider that could never be safe, see {@link assertProviders} */
  constructor(configs: readonly ProviderConfig[], options: JwtEngineOptions) {
    assertProviders(configs)
    this.#options = options
    const byName = Map.groupBy(configs, (config) => config.name)
    const limits = shareOf(options.cacheLimits, byName.size)
    for (const [name, trusted] of byName) {
      const cache = new TokenCache(options.toleratedStepMs, limits)
      const purge = new CachePurge(cache)
      const keyOptions = { ...options, onRemoved: () => void purge.run() }
      this.#providers.set(name, {
        trusts: trusted.map((config) => ({ config, keys: new KeyManager(config, keyOptions) })),
        cache,
        pending: new Map(),
        row: options.conclusion.rowOf(name),
      })
    }
  }

  /** The providers of these names as one, for one place: the issuer in the token chooses among them. */
  judge(names: readonly string[]): Judge {
    const providers = names.flatMap((name) => this.#providers.get(name) ?? [])
    return {
      recognises: looksLikeJwt,
      authenticate: (token, evidence) => this.#authenticate(token, evidence, providers),
    }
  }

  /** What is remembered, by provider, for the counters. */
  caches(): ReadonlyMap<string, TokenCache> {
    return new Map([...this.#providers].map(([name, { cache }]) => [name, cache]))
  }

  start(): void {
    for (const { keys } of this.#trusts()) keys.start()
  }

  /** Whether every provider that is `required` has usable keys. */
  ready(): boolean {
    return this.#trusts().every(({ config, keys }) => !config.required || keys.usable())
  }

  /** Whether a provider has no usable keys for one of its issuers, so that nobody could prove anything to it. */
  isAway(name: string): boolean {
    return this.#providers.get(name)?.trusts.some(({ keys }) => !keys.usable()) ?? false
  }

  /** Seconds until keys that are missing are fetched again; 1 when none are. */
  retryAfterS(): number {
    const missing = this.#trusts().filter(({ keys }) => !keys.usable())
    return missing.length === 0 ? 1 : Math.min(...missing.map(({ keys }) => keys.retryAfterS()))
  }

  status(): ProviderStatus[] {
    return this.#trusts().map(({ keys }) => keys.status())
  }

  close(): void {
    for (const { keys } of this.#trusts()) keys.close()
  }

  #trusts(): Trust[] {
    return [...this.#providers.values()].flatMap(({ trusts }) => trusts)
  }

  #authenticate(token: string, evidence: Evidence, providers: readonly Provider[]): AuthResult | Promise<AuthResult> {
    const { now, conclusion } = this.#options
    const nowMs = now()
    const digest = tokenDigest(token)
    for (let i = 0; i < providers.length; i++) {
      const { cache, row } = providers[i] as Provider
      cache.observe(nowMs)
      const known = cache.get(digest, nowMs)
      if (known !== undefined && (i === 0 || isTheirs(known, providers, i))) {
        return conclusion.of(row, known, evidence)
      }
    }
    return this.#verify(token, digest, evidence, providers, nowMs)
  }

  #verify(
    token: string,
    digest: string,
    evidence: Evidence,
    providers: readonly Provider[],
    nowMs: number,
  ): AuthResult | Promise<AuthResult> {
    const { now, conclusion, onError } = this.#options
    const parsed = parseStrict(token)
    if (!parsed.ok) return conclusion.of(0, parsed, evidence)
    let provider: Provider | undefined
    let trust: Trust | undefined
    for (let i = 0; i < providers.length && trust === undefined; i++) {
      provider = providers[i]
      trust = trustIn(provider?.trusts ?? [], parsed)
    }
    if (provider === undefined || trust === undefined) return conclusion.of(0, denied('unknown_issuer'), evidence)
    const { row, cache, pending } = provider
    cache.counters.misses++
    const underWay = pending.size === 0 ? undefined : pending.get(digest)
    if (underWay !== undefined) return underWay.then((result) => conclusion.of(row, result, evidence))
    const verdict = verifyToken(parsed, digest, trust.config, trust.keys, {
      now,
      mayWait: this.#waiting < MAX_PENDING,
    })
    if (!(verdict instanceof Promise)) {
      return conclusion.of(row, keep(cache, digest, token.length, verdict, trust, nowMs), evidence)
    }
    const result = verdict
      .then((late) => keep(cache, digest, token.length, late, trust, now()))
      .catch(onError)
      .finally(() => {
        pending.delete(digest)
        this.#waiting--
      })
    pending.set(digest, result)
    this.#waiting++
    return result.then((settled) => conclusion.of(row, settled, evidence))
  }
}

/** What one of several providers may keep: an equal share, but at least a quarter, because few are busy at once. */
function shareOf(limits: CacheLimits, providers: number): CacheLimits {
  const parts = Math.min(4, Math.max(1, providers))
  return {
    ...limits,
    maxEntries: Math.ceil(limits.maxEntries / parts),
    maxBytes: Math.ceil(limits.maxBytes / parts),
    maxNegativeEntries: Math.ceil(limits.maxNegativeEntries / parts),
  }
}

/** Remembers a judgement, if it is one that can be remembered. */
function keep(
  cache: TokenCache,
  digest: string,
  tokenLength: number,
  { result, keyId, notBeforeS }: Verdict,
  { config, keys }: Trust,
  nowMs: number,
): AuthResult {
  if (result.ok) cache.put(digest, { result, keyId, tokenLength, notBeforeS, keys }, config.clockSkewS, nowMs)
  else cache.putDenied(digest, result, keys, nowMs)
  return result
}

/**
 * Whether what a later provider remembers may count: of two providers with one issuer the first judges, also when only the
 * second has seen the token yet. A refusal does not tell its issuer, so it is judged anew.
 */
function isTheirs(known: AuthResult, providers: readonly Provider[], index: number): boolean {
  if (!known.ok) return false
  const { issuer } = known.identity
  return !providers.slice(0, index).some(({ trusts }) => trusts.some(({ config }) => config.issuer === issuer))
}

/** By the unverified issuer: a comparison with configured ones, so nothing the token says is ever fetched. */
function trustIn(trusts: readonly Trust[], token: StrictJwt): Trust | undefined {
  for (const trust of trusts) if (trust.config.issuer === token.issuer) return trust
  return undefined
}

/** Three segments: anything else may be another scheme's, if the rule has one. */
function looksLikeJwt(credential: string): boolean {
  const first = credential.indexOf('.')
  const last = credential.lastIndexOf('.')
  return first > 0 && first !== last && credential.indexOf('.', first + 1) === last
}
