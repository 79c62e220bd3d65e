import { parseConfig } from '../../../../agent/config/load.ts'
import { ConfigError, type Problem } from '../../../../agent/config/problem.ts'
import { judgeClaims } from '../../../../agent/identity/claims.ts'
import type { ProviderConfig } from '../../../../agent/identity/config.ts'
import type { Identity } from '../../../../agent/identity/identity.ts'
import type { JsonObject } from '../../../../agent/identity/plain-json.ts'
import { providerConfigs } from '../../../../agent/identity/provider-configs.ts'
import type { DenyReason } from '../../../../agent/identity/reasons.ts'

const HEAD = `version: 1
spop: { listen: "tcp://127.0.0.1:9000" }
temporal: { address: "127.0.0.1:7233" }
rules: []
identity:
  providers:
    p: `

/** Seconds since the epoch. */
export const NOW = 1_800_000_000

/** The trusted issuers of one provider `p`, as agent.yaml writes it on one line or indented by six. */
export function configsOf(provider: string): ProviderConfig[] {
  return providerConfigs(parseConfig('agent.yaml', `${HEAD}${provider}\n`, {}).config)
}

/** Everything wrong with one provider. */
export function problemsOf(provider: string): readonly Problem[] {
  try {
    configsOf(provider)
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
  return []
}

/** What becomes of a token whose signature is proven, chosen by its issuer as the engine does. */
export function judge(
  configs: readonly ProviderConfig[],
  typ: string | undefined,
  claims: object,
): Identity | DenyReason {
  const payload = JSON.parse(JSON.stringify(claims)) as JsonObject
  const config = configs.find(({ issuer }) => issuer === payload['iss'])
  return config === undefined ? 'unknown_issuer' : judgeClaims({ typ, payload }, 'digest', config, NOW)
}
