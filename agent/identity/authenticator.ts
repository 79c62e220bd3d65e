import { Conclusion, type RequestCheck } from './conclusion.ts'
import type { ProviderConfig } from './config.ts'
import { createCounters, type AuthCounters } from './counters.ts'
import type { Evidence } from './evidence.ts'
import type { AuthResult } from './identity.ts'
import { JwtEngine } from './jwt-engine.ts'
import type { ProviderStatus } from './keys.ts'
import { type CredentialLocation, locationOf } from './location.ts'
import type { Log } from './log.ts'
import { AllPlan, AnyPlan, type Judge, type PlacePlan, type Plan } from './plan.ts'
import { denied, type Denied } from './reasons.ts'
import type { KeyLimits } from './refresh-times.ts'
import type { Requirement } from './requirement.ts'
import type { Needs, Scheme, SchemeContext } from './scheme.ts'
import { sharedPlace } from './shared-place.ts'
import { cacheLimits, type CacheLimits } from './token-cache.ts'

export type { ProviderStatus } from './keys.ts'

/** Proves who calls. One per process: keys, caches and counters are shared by all rules. */
export interface Authenticator {
  /** Plain numbers, read at scrape. */
  readonly counters: AuthCounters
  /** What it reads of a request beside the Authorization header. */
  readonly needs: Needs
  /**
   * Who sent this request? Synchronous on a cache hit, on every refusal that needs no key, and for the quick algorithms;
   * a promise while keys are fetched and for slow ones. Never throws, never rejects.
   * @param requirement of the rule, always the same object; of two providers with one issuer the first counts
   */
  authenticate(requirement: Requirement, evidence: Evidence): AuthResult | Promise<AuthResult>
  /** Begins fetching keys in the background; never fails. */
  start(): void
  /** Whether every provider that is `required` has usable keys. */
  ready(): boolean
  /** Whether one of the providers is away, seen from us and not from a credential: what `failOpen` asks. */
  isAway(requirement: Requirement): boolean
  /** Seconds until the next attempt to fetch keys that are missing: what a refused client may be told to wait. */
  retryAfterS(): number
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
  /** Makes the schemes of the other kinds of credentials. */
  readonly schemes?: (context: SchemeContext) => readonly Scheme[]
  /** What is asked at every request of a proven caller: revocation, key binding. */
  readonly checks?: readonly RequestCheck[]
}

/**
 * @param providers the issuers of signed JWTs; several may stand under one name
 * @throws {TypeError} a provider that could never be safe, see `assertProviders`
 */
export function createAuthenticator(
  providers: readonly ProviderConfig[],
  options: AuthenticatorOptions,
): Authenticator {
  return new Authentication(providers, options)
}

class Authentication implements Authenticator {
  readonly counters: AuthCounters
  readonly needs: Needs
  readonly #jwt: JwtEngine
  readonly #jwtLocations = new Map<string, readonly CredentialLocation[]>()
  readonly #schemes: ReadonlyMap<string, Scheme>
  readonly #conclusion: Conclusion
  readonly #plans = new Map<Requirement, Plan>()
  readonly #log: Log

  constructor(providers: readonly ProviderConfig[], options: AuthenticatorOptions) {
    const { log, now = Date.now, monotonicMs = () => performance.now(), checks = [] } = options
    this.#log = log
    const schemes = options.schemes?.({ log, now, monotonicMs }) ?? []
    // A clock is corrected by some milliseconds all day long: that is no step.
    const toleratedStepMs = Math.max(1000, Math.min(...providers.map((provider) => provider.clockSkewS * 1000)))
    const names = [...new Set([...providers, ...schemes].map(({ name }) => name))]
    this.counters = createCounters(names, () => this.#jwt.caches())
    this.#conclusion = new Conclusion(this.counters, checks)
    this.#jwt = new JwtEngine(providers, {
      log,
      now,
      monotonicMs,
      cacheLimits: { ...cacheLimits, ...options.cacheLimits },
      toleratedStepMs,
      conclusion: this.#conclusion,
      onError: (error) => this.#failed(error),
      ...(options.keyLimits === undefined ? {} : { limits: options.keyLimits }),
    })
    for (const { name, locations } of providers) this.#jwtLocations.set(name, locations.map(locationOf))
    this.#schemes = new Map(schemes.map((scheme) => [scheme.name, scheme]))
    this.needs = needsOf([...this.#jwtLocations.values()].flat(), providers, schemes)
  }

  authenticate(requirement: Requirement, evidence: Evidence): AuthResult | Promise<AuthResult> {
    try {
      let plan = this.#plans.get(requirement)
      if (plan === undefined) {
        plan = this.#planOf(requirement)
        this.#plans.set(requirement, plan)
      }
      const result = plan.authenticate(evidence)
      return result instanceof Promise ? result.catch((error: unknown) => this.#failed(error)) : result
    } catch (error) {
      return this.#conclusion.of(0, this.#failed(error), evidence)
    }
  }

  start(): void {
    this.#jwt.start()
    for (const scheme of this.#schemes.values()) scheme.start?.()
  }

  ready(): boolean {
    return this.#jwt.ready() && [...this.#schemes.values()].every((scheme) => scheme.ready?.() ?? true)
  }

  isAway({ providers }: Requirement): boolean {
    return providers.some((name) => this.#jwt.isAway(name) || this.#schemes.get(name)?.isAway?.() === true)
  }

  retryAfterS(): number {
    return this.#jwt.retryAfterS()
  }

  status(): ProviderStatus[] {
    return [...this.#jwt.status(), ...[...this.#schemes.values()].flatMap((scheme) => scheme.status?.() ?? [])]
  }

  close(): void {
    this.#jwt.close()
    for (const scheme of this.#schemes.values()) scheme.close?.()
  }

  #planOf({ mode, providers }: Requirement): Plan {
    if (mode === 'all') {
      const places = providers.map((name) => this.#locationsOf(name))
      // One credential would prove both.
      if (places.some((its, i) => places.slice(i + 1).some((others) => sharedPlace(its, others) !== undefined))) {
        this.#log.error({ providers }, '"all" of providers that look at the same place: nobody can be proven')
        return { authenticate: (evidence) => this.#conclusion.of(0, denied('internal_error'), evidence) }
      }
      return new AllPlan(providers.map((name) => this.#anyOf([name])))
    }
    return this.#anyOf(providers)
  }

  /** Which schemes look at which place: the signed tokens of one place are judged together, by the issuer they name. */
  #anyOf(names: readonly string[]): Plan {
    const jwts = new Map<CredentialLocation, string[]>()
    const places = new Map<CredentialLocation, (() => Judge)[]>()
    for (const name of names) {
      const scheme = this.#schemes.get(name)
      const judge = scheme === undefined ? undefined : this.#concluding(scheme)
      for (const location of this.#locationsOf(name)) {
        const here = places.get(location) ?? []
        places.set(location, here)
        if (judge !== undefined) here.push(() => judge)
        else if (jwts.get(location)?.push(name) === undefined) {
          const together = [name]
          jwts.set(location, together)
          here.push(() => this.#jwt.judge(together))
        }
      }
    }
    const plans = [...places].map(([location, here]): PlacePlan => ({ location, judges: here.map((make) => make()) }))
    return new AnyPlan(plans, this.#conclusion)
  }

  #locationsOf(name: string): readonly CredentialLocation[] {
    return this.#schemes.get(name)?.locations ?? this.#jwtLocations.get(name) ?? []
  }

  /** Its judgements, made final. */
  #concluding(scheme: Scheme): Judge {
    const row = this.#conclusion.rowOf(scheme.name)
    return {
      recognises: (credential) => scheme.recognises(credential),
      authenticate: (credential, evidence) => {
        const result = scheme.authenticate(credential, evidence)
        return result instanceof Promise
          ? result.then((late) => this.#conclusion.of(row, late, evidence))
          : this.#conclusion.of(row, result, evidence)
      },
    }
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

function needsOf(
  jwtLocations: readonly CredentialLocation[],
  providers: readonly ProviderConfig[],
  schemes: readonly Scheme[],
): Needs {
  const headersOf = (its: readonly Scheme[]): string[] =>
    its.flatMap(({ locations, needs }) => [
      ...locations.flatMap((location) => location.header ?? []),
      ...(needs?.headers ?? []),
    ])
  const withBody = schemes.filter(({ needs }) => needs?.body === true)
  const others = schemes.filter((scheme) => !withBody.includes(scheme))
  const ofTokens = jwtLocations.flatMap((location) => location.header ?? [])
  const proofs = providers.some(({ dpop }) => dpop !== undefined) ? ['dpop'] : []
  const locations = [...jwtLocations, ...schemes.flatMap((scheme) => scheme.locations)]
  return {
    headers: [...new Set([...ofTokens, ...proofs, ...headersOf(others)])],
    certificate:
      locations.some((location) => !location.exclusive) ||
      schemes.some(({ needs }) => needs?.certificate === true) ||
      // With proofs of keys (RFC 9449) tokens need no certificate; of those that are bound to one the page tells more.
      providers.some(({ binding, dpop }) => binding !== undefined && dpop === undefined),
    body: withBody.length > 0,
    bodyHeaders: [...new Set(headersOf(withBody))],
  }
}
