import { algorithms } from './algorithms.ts'
import { endpointUrl } from './endpoint.ts'
import type { LocationConfig } from './location.ts'

/** Where a provider's tokens carry what we need: each a path of object keys, so that names may hold dots and slashes. */
export interface ClaimPaths {
  readonly subject: readonly string[]
  /** An empty path: the provider has no tenants. */
  readonly tenant: readonly string[]
  /** An empty path: the provider has no roles. */
  readonly roles: readonly string[]
  /** Without it `scope` and `scp` are read, as a string or an array, and merged. */
  readonly scopes?: readonly string[]
  /** Claims handed to HAProxy, by variable name. */
  readonly variables?: Readonly<Record<string, readonly string[]>>
}

/** What a claim must hold; of a claim that is an array, one member must. */
export interface RequiredClaim {
  /** Object keys from the top of the claims. */
  readonly path: readonly string[]
  /** Compared by type too: `true` is not `"true"`. Without values and patterns the claim must be there, and not empty. */
  readonly values?: readonly (string | number | boolean)[]
  /** Texts in which `*` stands for any characters, none included. A value or a pattern must fit. */
  readonly patterns?: readonly string[]
}

/** How DPoP proofs are judged (RFC 9449); the check itself is agent/identity/binding. */
export interface DpopConfig {
  /** Scheme, host and path prefix as clients see them, without a slash at the end: `htu` is compared with it. */
  readonly publicBaseUrl: string
  /** Whether proofs must carry a nonce of ours (section 8). */
  readonly nonce: boolean
}

/**
 * One issuer whose signed JWTs are accepted, as the presets make it of agent.yaml. A provider of agent.yaml is one or
 * several of these: they share its name. Plain data only: the token cache tells configurations apart by their JSON.
 */
export interface ProviderConfig {
  /** Unique together with the issuer; no `/`, so that `<provider>/<subject>` cannot be forged by another provider's subject. */
  readonly name: string
  /** Equals the `iss` claim character by character. https, or http on loopback. */
  readonly issuer: string
  /** Where the keys are; without it they are found by OIDC discovery below the issuer. */
  readonly jwksUri?: string
  /** Instead of jwksUri: several places of the same keys, tried in this order. */
  readonly jwksUris?: readonly string[]
  /** Hosts (`host` or `host:port`, small letters) where a discovered jwks_uri may lie beside the issuer's own origin. */
  readonly jwksHosts?: readonly string[]
  /** Where the last good key set is kept over restarts. No two issuers share a file. */
  readonly keysFile?: string
  /** File with the bearer token that the endpoints of keys and discovery demand, read at each fetch. */
  readonly jwksTokenFile?: string
  /** http or https proxy for this issuer's endpoints; `env` for the one that HTTPS_PROXY names. */
  readonly proxy?: string
  /** Milliseconds past their refresh time for which keys serve while their endpoint fails; the key manager's default if absent. */
  readonly maxStaleMs?: number
  /** At least one; a token must name one of them exactly. */
  readonly audience: readonly string[]
  /** Asymmetric only. */
  readonly algorithms: readonly string[]
  /** Seconds by which clocks may differ. */
  readonly clockSkewS: number
  /** Most seconds from `iat` to `exp`; unlimited when absent. */
  readonly maxLifetimeS?: number
  /** Header `typ` values accepted, of which one is then required; when absent: none, `JWT` or `at+jwt`. */
  readonly typ?: readonly string[]
  /** Readiness waits for this provider's keys. */
  readonly required: boolean
  /** PEM file with the CA certificates trusted for this provider's endpoints, read at each fetch. */
  readonly caFile?: string
  readonly claims: ClaimPaths
  /** Where a token may lie in a request. */
  readonly locations: readonly LocationConfig[]
  /** The claim that `audience` is compared with, where it is not `aud`. */
  readonly audienceClaim?: readonly string[]
  /** All must hold. */
  readonly requiredClaims?: readonly RequiredClaim[]
  /** All must be granted, else `insufficient_scope`. */
  readonly requiredScopes?: readonly string[]
  /** Tenants accepted; a token of none is refused then. */
  readonly tenants?: readonly string[]
  /** Accepts OpenID Connect ID tokens, which are made for the client and not for an API. */
  readonly allowIdToken?: boolean
  /** Roles by what the token's roles claim holds (groups, often). */
  readonly roleMap?: Readonly<Record<string, readonly string[]>>
  /** With a roleMap: roles of the token that are not in it stay as they are. They are dropped otherwise. */
  readonly keepUnmappedRoles?: boolean
  /** `required`: a token that is bound to no key (RFC 7800 `cnf`) is refused. A bound one is checked in either case. */
  readonly binding?: 'required'
  readonly dpop?: DpopConfig
}

/** What a provider has when agent.yaml says nothing. */
export const defaults = {
  algorithms: ['RS256', 'ES256', 'EdDSA', 'PS256'],
  /** seconds */
  clockSkewS: 60,
  required: true,
  claims: { subject: ['sub'], tenant: ['tenant'], roles: ['roles'] },
  locations: [
    { in: 'authorization', scheme: 'bearer' },
    { in: 'authorization', scheme: 'dpop' },
  ],
} as const satisfies Partial<ProviderConfig>

/**
 * Refuses providers that could never be safe, whoever built them. The config loader reports the same with file and line;
 * this is the last line of defence.
 * @throws {TypeError} names the provider and what is wrong with it
 */
export function assertProviders(providers: readonly ProviderConfig[]): void {
  const known = new Set<string>()
  for (const provider of providers) {
    const fail = (what: string): never => {
      throw new TypeError(`identity provider "${provider.name}": ${what}`)
    }
    if (provider.name === '' || provider.name.includes('/')) fail('the name must not be empty or hold a "/"')
    const id = `${provider.name}/${provider.issuer}`
    if (known.has(id)) fail('the name is used twice with one issuer')
    known.add(id)
    if (provider.audience.length === 0 || provider.audience.includes('')) fail('at least one audience is required')
    if (provider.algorithms.length === 0) fail('at least one algorithm is required')
    for (const name of provider.algorithms) {
      if (!algorithms.has(name)) fail(`algorithm "${name}" is not one of ${[...algorithms.keys()].join(', ')}`)
    }
    if (!(provider.clockSkewS >= 0 && provider.clockSkewS <= 600)) fail('clockSkewS must lie between 0 and 600')
    if (provider.claims.subject.length === 0) fail('the path of the subject claim must not be empty')
    if (provider.locations.length === 0) fail('at least one location of tokens is required')
    const { issuer, jwksUri, jwksUris = [] } = provider
    for (const url of [issuer, ...(jwksUri === undefined ? [] : [jwksUri]), ...jwksUris]) {
      if (endpointUrl(url) === undefined) fail('issuer and jwksUri must be https URLs, or http on loopback')
    }
  }
}
