import type { AgentConfig } from '../config/schema.ts'
import type { Authenticator } from '../identity/authenticator.ts'
import { createCounters } from '../identity/counters.ts'
import { type AuthResult, authenticated, type Identity } from '../identity/identity.ts'
import type { CredentialLocation } from '../identity/location.ts'
import { denied, type DenyReason } from '../identity/reasons.ts'
import type { Requirement } from '../identity/requirement.ts'
import type { Revocations } from '../identity/revocation/revocations.ts'
import type { Needs } from '../identity/scheme.ts'
import { locationsOf } from '../rules/all-places.ts'
import { requiredScopesOf } from '../rules/required-scopes.ts'

/** What a request shows: credentials that are genuine, one that fails, or, as an empty list, nothing. */
export type Shown = readonly Identity[] | { readonly reason: DenyReason }

/** Reasons for which nobody can be proven: what `failOpen` is about. */
const AWAY: ReadonlySet<DenyReason> = new Set<DenyReason>([
  'keys_unavailable',
  'introspection_unavailable',
  'sts_unavailable',
  'forward_auth_unavailable',
  'secrets_unavailable',
])

/**
 * Says of callers what a test says, for requirements that their providers meet; else what the agent would say of a
 * credential that is not wanted there. Reads nothing of the request.
 */
export class StubAuthenticator implements Authenticator {
  readonly counters = createCounters([], () => new Map())
  readonly needs: Needs = { headers: [], certificate: false, body: false, bodyHeaders: [] }
  /** Who calls now. */
  shown: Shown = []
  readonly #config: AgentConfig
  readonly #revocations: Pick<Revocations, 'check'>
  readonly #places = new Map<string, readonly CredentialLocation[]>()
  readonly #requiredScopes: ReadonlyMap<string, readonly string[]>

  /** @param revocations what verdicts of the test have revoked */
  constructor(config: AgentConfig, revocations: Pick<Revocations, 'check'>) {
    this.#config = config
    this.#revocations = revocations
    this.#requiredScopes = requiredScopesOf(config.identity.providers)
  }

  authenticate({ mode, providers }: Requirement): AuthResult {
    const { shown } = this
    if ('reason' in shown) return denied(shown.reason)
    if (mode === 'any') return this.#any(providers, shown)
    let first: AuthResult | undefined
    for (const provider of providers) {
      const result = this.#any([provider], shown)
      if (!result.ok) return result
      first ??= result
    }
    return first ?? denied('internal_error')
  }

  /** A certificate counts only where the request carries nothing else. */
  #any(providers: readonly string[], shown: readonly Identity[]): AuthResult {
    const places = new Set(providers.flatMap((provider) => this.#placesOf(provider)))
    const isExclusive = ({ provider }: Identity): boolean =>
      this.#placesOf(provider).some((place) => place.exclusive && places.has(place))
    const found = shown.filter((identity) => isExclusive(identity))
    if (found.length > 1) return denied('multiple_credentials')
    const ambient = shown.find(({ provider }) => this.#placesOf(provider).some((at) => !at.exclusive && places.has(at)))
    const identity = found[0] ?? ambient
    if (identity === undefined) {
      return denied([...places].some(({ exclusive }) => exclusive) ? 'no_credentials' : 'client_cert_required')
    }
    if (!providers.includes(identity.provider)) return denied(this.#unwanted(identity, providers))
    const scopes = this.#requiredScopes.get(identity.provider) ?? []
    if (scopes.some((scope) => !identity.scopes.includes(scope))) return denied('insufficient_scope')
    const revoked = this.#revocations.check(identity)
    return revoked === undefined ? authenticated(identity) : denied(revoked)
  }

  /** Of a credential that lies where others are expected. */
  #unwanted({ method }: Identity, providers: readonly string[]): DenyReason {
    if (method === 'certificate') return 'client_cert_not_allowed'
    const kinds = providers.map((name) => this.#config.identity.providers[name]?.kind)
    return method === 'jwt' && kinds.includes('jwt') ? 'unknown_issuer' : 'malformed_token'
  }

  #placesOf(provider: string): readonly CredentialLocation[] {
    let places = this.#places.get(provider)
    if (places === undefined) this.#places.set(provider, (places = locationsOf(this.#config, provider)))
    return places
  }

  isAway(): boolean {
    return 'reason' in this.shown && AWAY.has(this.shown.reason)
  }

  start(): void {}

  ready(): boolean {
    return true
  }

  retryAfterS(): number {
    return 1
  }

  status(): [] {
    return []
  }

  close(): void {}
}
