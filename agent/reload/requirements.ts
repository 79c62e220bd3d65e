import type { AgentConfig } from '../config/schema.ts'
import type { Authenticator } from '../identity/authenticator.ts'
import type { Requirement } from '../identity/requirement.ts'

/** By authenticator, which keeps a plan for each requirement object that it has ever met. */
const known = new WeakMap<Authenticator, Map<string, Requirement>>()

/**
 * The same configuration, whose requirements are those that the authenticator has met before where they say the same: it
 * may outlive many configurations, and must not grow with them.
 */
export function withKnownRequirements(config: AgentConfig, authenticator: Authenticator): AgentConfig {
  const requirements = known.get(authenticator) ?? new Map<string, Requirement>()
  known.set(authenticator, requirements)
  const same = <R extends Requirement>(require: R): R => {
    const key = JSON.stringify([require.mode, require.providers])
    const met = requirements.get(key)
    if (met !== undefined) return met as R
    requirements.set(key, require)
    return require
  }
  const rules = config.rules.map((rule) => {
    const { identity } = rule
    if (identity === undefined || identity === 'none') return rule
    return { ...rule, identity: { ...identity, require: same(identity.require) } }
  })
  return { ...config, rules }
}
