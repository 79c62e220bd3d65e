import type { Conclusion } from './conclusion.ts'
import { assertProviders, type ProviderConfig } from './config.ts'
import type { Evidence } from './evidence.ts'
import type { AuthResult } from './identity.ts'
import { KeyManager, type KeyManagerOptions, type ProviderStatus } from './keys.ts'
import { denied } from './reasons.ts'
import type { Judge } from './plan.ts'
import { parseStrict, type StrictJwt } from './strict-jwt.ts'
import { cacheKey, cacheKeyPrefix, type TokenCache } from './token-cache.ts'
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
  readonly cachePrefix: string
  /** Its row in the counters. */
  readonly row: number
}

export interface JwtEngineOptions extends KeyManagerOptions {
  readonly now: () => number
  readonly cache: TokenCache
  readonly conclusion: Conclusion
  readonly onError: (error: unknown) => AuthResult
}

/**
 * Signed JWTs of all providers: keys, cache and verifications under way are shared, so a token is verified once however
 * many rules ask for it.
 */
export class JwtEngine {
  readonly #providers = new Map<string, Provider>()
  readonly #options: JwtEngineOptions
  /** Verifications under way by cache key: the same token is verified once, however many requests wait for it. */
  readonly #pending = new Map<string, Promise<AuthResult>>()

  /** @throws {TypeError} a provider that could never be safe, see {@link assertProviders} */
  constructor(configs: readonly ProviderConfig[], options: JwtEngineOptions) {
    assertProviders(configs)
    this.#options = options
    for (const [name, trusted] of Map.groupBy(configs, (config) => config.name)) {
      this.#providers.set(name, {
        trusts: trusted.map((config) => ({ config, keys: new KeyManager(config, options) })),
        cachePrefix: cacheKeyPrefix(name, trusted),
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
    const { cache, now, conclusion } = this.#options
    const nowMs = now()
    cache.observe(nowMs)
    const digest = tokenDigest(token)
    let key = ''
    for (let i = 0; i < providers.length; i++) {
      const provider = providers[i] as Provider
      key = cacheKey(provider.cachePrefix, digest)
      const known = cache.get(key, nowMs)
      if (known !== undefined && (i === 0 || isTheirs(known, providers, i))) {
        return conclusion.of(provider.row, known, evidence)
      }
    }
    return this.#verify(token, digest, key, evidence, providers, nowMs)
  }

  /** @param lastKey of the cache, for the last of the providers: mostly there is only one, and a key is long to hash */
  #verify(
    token: string,
    digest: string,
    lastKey: string,
    evidence: Evidence,
    providers: readonly Provider[],
    nowMs: number,
  ): AuthResult | Promise<AuthResult> {
    const { cache, now, conclusion, onError } = this.#options
    cache.counters.misses++
    const parsed = parseStrict(token)
    if (!parsed.ok) return conclusion.of(0, parsed, evidence)
    let provider: Provider | undefined
    let trust: Trust | undefined
    for (let i = 0; i < providers.length && trust === undefined; i++) {
      provider = providers[i]
      trust = trustIn(provider?.trusts ?? [], parsed)
    }
    if (provider === undefined || trust === undefined) return conclusion.of(0, denied('unknown_issuer'), evidence)
    const { row, cachePrefix } = provider
    const key = provider === providers.at(-1) ? lastKey : cacheKey(cachePrefix, digest)
    const underWay = this.#pending.get(key)
    if (underWay !== undefined) return underWay.then((result) => conclusion.of(row, result, evidence))
    const verdict = verifyToken(parsed, digest, trust.config, trust.keys, {
      now,
      mayWait: this.#pending.size < MAX_PENDING,
    })
    if (!(verdict instanceof Promise)) {
      return conclusion.of(row, this.#keep(key, token.length, verdict, trust, nowMs), evidence)
    }
    const result = verdict
      .then((late) => this.#keep(key, token.length, late, trust, now()))
      .catch(onError)
      .finally(() => this.#pending.delete(key))
    this.#pending.set(key, result)
    return result.then((settled) => conclusion.of(row, settled, evidence))
  }

  #keep(key: string, tokenLength: number, verdict: Verdict, { config, keys }: Trust, nowMs: number): AuthResult {
    const { cache } = this.#options
    const { result, keyId, notBeforeS } = verdict
    if (result.ok) cache.put(key, { result, keyId, tokenLength, notBeforeS, keys }, config.clockSkewS, nowMs)
    else cache.putDenied(key, result, keys, nowMs)
    return result
  }
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
