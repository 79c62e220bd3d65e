import type { AgentConfig } from '../config/schema.ts'
import { defaults, type ProviderConfig } from './config.ts'

/** The JWT providers of a configuration as the authenticator takes them. */
export function providerConfigs(config: AgentConfig): ProviderConfig[] {
  return Object.entries(config.identity.providers).map(([name, settings]) => {
    const { kind: _kind, preset: _preset, clockSkew, maxLifetime, claims, ...rest } = settings
    return withoutUndefined({
      name,
      ...rest,
      locations: defaults.locations,
      clockSkewS: clockSkew / 1000,
      maxLifetimeS: maxLifetime === undefined ? undefined : maxLifetime / 1000,
      claims: withoutUndefined(claims),
    })
  })
}

type Defined<T> = { [K in keyof T]: Exclude<T[K], undefined> }

/** Optional keys are left out, not set to `undefined`: `exactOptionalPropertyTypes` tells the two apart. */
function withoutUndefined<T extends object>(value: T): Defined<T> {
  return Object.fromEntries(Object.entries(value).filter(([, v]) => v !== undefined)) as Defined<T>
}
