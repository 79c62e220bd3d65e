import { hash } from 'node:crypto'
import type { JwtProvider } from '../config/providers/jwt.ts'
import type { AgentConfig } from '../config/schema.ts'
import { defaults, type ProviderConfig } from './config.ts'
import { auth0 } from './presets/auth0.ts'
import { awsSts } from './presets/aws-sts.ts'
import { cognito } from './presets/cognito.ts'
import { entra } from './presets/entra.ts'
import { githubActions } from './presets/github-actions.ts'
import { google } from './presets/google.ts'
import { keycloak } from './presets/keycloak.ts'
import { eks, kubernetes } from './presets/kubernetes.ts'
import { oidc } from './presets/oidc.ts'
import { okta } from './presets/okta.ts'
import type { PresetConfig } from './presets/preset.ts'

/** The JWT providers of a configuration, each as one or several trusted issuers that share its name. */
export function providerConfigs(config: AgentConfig): ProviderConfig[] {
  return Object.entries(config.identity.providers).flatMap(([name, settings]) =>
    settings.kind === 'jwt' ? jwtProviderConfigs(name, settings) : [],
  )
}

/** The trusted issuers of one provider: what agent.yaml says, else what its preset knows, else the defaults. */
export function jwtProviderConfigs(name: string, settings: JwtProvider): ProviderConfig[] {
  const presets = presetOf(settings)
  return presets.map((preset) => merge(name, preset, settings, presets.length > 1))
}

function presetOf(settings: JwtProvider): PresetConfig[] {
  switch (settings.preset) {
    case undefined:
    case 'oidc':
      return oidc(settings)
    case 'okta':
      return okta(settings)
    case 'entra':
      return entra(settings)
    case 'auth0':
      return auth0(settings)
    case 'google':
      return google(settings)
    case 'keycloak':
      return keycloak(settings)
    case 'github-actions':
      return githubActions(settings)
    case 'aws-sts':
      return awsSts(settings)
    case 'eks':
      return eks(settings)
    case 'kubernetes':
      return kubernetes(settings)
    case 'cognito':
      return cognito(settings)
  }
}

function merge(name: string, preset: PresetConfig, settings: JwtProvider, several: boolean): ProviderConfig {
  const { maxLifetime, keysFile, jwksUri, jwksUris } = settings
  const requiredClaims = [...(preset.requiredClaims ?? []), ...(settings.requiredClaims ?? [])]
  return withoutUndefined({
    name,
    issuer: preset.issuer,
    audience: preset.audience ?? ('audience' in settings ? settings.audience : []),
    audienceClaim: preset.audienceClaim,
    algorithms: settings.algorithms ?? preset.algorithms ?? defaults.algorithms,
    typ: settings.typ ?? preset.typ,
    clockSkewS: settings.clockSkew / 1000,
    maxLifetimeS: maxLifetime === undefined ? preset.maxLifetimeS : maxLifetime / 1000,
    required: settings.required,
    claims: { ...defaults.claims, ...preset.claims, ...withoutUndefined(settings.claims) },
    locations: settings.token ?? defaults.locations,
    requiredClaims: requiredClaims.length === 0 ? undefined : requiredClaims,
    requiredScopes: settings.requiredScopes,
    // A preset that makes one issuer of each tenant knows which one this is.
    tenants: preset.tenants ?? settings.tenants,
    allowIdToken: settings.allowIdToken ?? preset.allowIdToken,
    roleMap: settings.roleMap,
    keepUnmappedRoles: settings.keepUnmappedRoles,
    binding: settings.binding === 'required' ? settings.binding : undefined,
    dpop: settings.dpop,
    jwksUri: jwksUri ?? (jwksUris === undefined ? preset.jwksUri : undefined),
    jwksUris,
    jwksHosts: settings.jwksHosts,
    jwksTokenFile: settings.jwksTokenFile,
    keysFile: keysFile === undefined || !several ? keysFile : fileOf(keysFile, preset.issuer),
    caFile: settings.caFile,
    proxy: settings.proxy,
    maxStaleMs: settings.maxStale,
  })
}

/** Issuers must not overwrite each other's keys. */
function fileOf(keysFile: string, issuer: string): string {
  return `${keysFile}.${hash('sha256', issuer, 'hex').slice(0, 12)}`
}

type Optional<T> = { [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined> }
type Required<T> = { [K in keyof T as undefined extends T[K] ? never : K]: T[K] }

/** Optional keys are left out, not set to `undefined`: `exactOptionalPropertyTypes` tells the two apart. */
function withoutUndefined<T extends object>(value: T): Required<T> & Optional<T> {
  return Object.fromEntries(Object.entries(value).filter(([, v]) => v !== undefined)) as Required<T> & Optional<T>
}
