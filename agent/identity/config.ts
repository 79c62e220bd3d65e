import { algorithms } from './algorithms.ts'
import { endpointUrl } from './endpoint.ts'

/** Where a provider's tokens carry what we need: each a path of object keys, so that names may hold dots and slashes. */
export interface ClaimPaths {
  readonly subject: readonly string[]
  /** An empty path: the provider has no tenants. */
  readonly tenant: readonly string[]
  /** An empty path: the provider has no roles. */
  readonly roles: readonly string[]
  /** Without it `scope` and `scp` are read, as a string or an array, and merged. */
  readonly scopes?: readonly string[]
}

/** One OIDC provider whose signed JWTs are accepted, as the config loader hands it over. */
export interface ProviderConfig {
  /** Unique; no `/`, so that `<provider>/<subject>` cannot be forged by another provider's subject. */
  readonly name: string
  /** Equals the `iss` claim character by character. https, or http on loopback. */
  readonly issuer: string
  /** Where the keys are; without it they are found by OIDC discovery below the issuer. */
  readonly jwksUri?: string
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
}

/** What a provider has when agent.yaml says nothing. */
export const defaults = {
  algorithms: ['RS256', 'ES256', 'EdDSA', 'PS256'],
  /** seconds */
  clockSkewS: 60,
  required: true,
  claims: { subject: ['sub'], tenant: ['tenant'], roles: ['roles'] },
} as const satisfies Partial<ProviderConfig>

/**
 * Refuses providers that could never be safe, whoever built them. The config loader reports the same with file and line;
 * this is the last line of defence.
 * @throws {TypeError} names the provider and what is wrong with it
 */
export function assertProviders(providers: readonly ProviderConfig[]): void {
  const names = new Set<string>()
  for (const provider of providers) {
    const fail = (what: string): never => {
      throw new TypeError(`identity provider "${provider.name}": ${what}`)
    }
    if (provider.name === '' || provider.name.includes('/')) fail('the name must not be empty or hold a "/"')
    if (names.has(provider.name)) fail('the name is used twice')
    names.add(provider.name)
    if (provider.audience.length === 0 || provider.audience.includes('')) fail('at least one audience is required')
    if (provider.algorithms.length === 0) fail('at least one algorithm is required')
    for (const name of provider.algorithms) {
      if (!algorithms.has(name)) fail(`algorithm "${name}" is not one of ${[...algorithms.keys()].join(', ')}`)
    }
    if (!(provider.clockSkewS >= 0 && provider.clockSkewS <= 600)) fail('clockSkewS must lie between 0 and 600')
    if (provider.claims.subject.length === 0) fail('the path of the subject claim must not be empty')
    for (const [option, text] of [
      ['issuer', provider.issuer],
      ['jwksUri', provider.jwksUri],
    ] as const) {
      if (text !== undefined && endpointUrl(text) === undefined)
        fail(`${option} must be an https URL, or http on loopback`)
    }
  }
}
