import type { ClaimPaths, ProviderConfig, RequiredClaim } from '../config.ts'

/**
 * What a preset knows of one issuer: everything left out has the default of every provider. Settings of agent.yaml win
 * over it, save that required claims add up: what a preset demands stays demanded.
 */
export interface PresetConfig extends Partial<Omit<ProviderConfig, 'name' | 'claims'>> {
  readonly issuer: string
  readonly claims?: Partial<ClaimPaths>
  readonly requiredClaims?: readonly RequiredClaim[]
}

/** A list with what is given, none when it is not: required claims hang on options. */
export function when<T>(option: T | undefined, make: (value: T) => RequiredClaim): RequiredClaim[] {
  return option === undefined ? [] : [make(option)]
}
