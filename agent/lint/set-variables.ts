import type { Path } from '../config/document.ts'
import type { LoadedConfig } from '../config/load.ts'
import { OPTIONAL_VARIABLES, VARIABLES } from '../rules/variables.ts'
import type { Engine } from './engines.ts'
import { type HaproxyFile, linesOf } from './haproxy-file.ts'

/** A variable that agent.yaml gives to HAProxy, and the mapping that names it. */
export interface ConfiguredVariable {
  readonly name: string
  readonly path: Path
  /** `rule "x"`, `provider "y"`. */
  readonly who: string
}

/** What rules set, and what providers map claims to. */
export function setByConfig({ config }: LoadedConfig): ConfiguredVariable[] {
  const rules = config.rules.flatMap((rule) =>
    Object.keys(rule.set).map((name) => ({ name, path: [...rule.at, 'set'], who: `rule "${rule.name}"` })),
  )
  const providers = Object.entries(config.identity.providers).flatMap(([provider, settings]) => {
    const claims: object = ('claims' in settings ? settings.claims : undefined) ?? {}
    const variables: unknown = 'variables' in claims ? claims.variables : undefined
    if (typeof variables !== 'object' || variables === null) return []
    const path = ['identity', 'providers', provider, 'claims', 'variables']
    return Object.keys(variables).map((name) => ({ name, path, who: `provider "${provider}"` }))
  })
  return [...rules, ...providers]
}

const BY_HAPROXY = ['set-process-time', 'set-total-time']

/** Every variable `txn.temporal.…` that somebody sets: the agent, HAProxy for its engines, rules of haproxy.cfg. */
export function setByAnyone(loaded: LoadedConfig, haproxy: HaproxyFile, engines: readonly Engine[]): Set<string> {
  const byHaproxy = engines.flatMap(({ agent }) =>
    BY_HAPROXY.flatMap((option) => linesOf(agent, 'option', option).map((line) => line.words[2]?.text ?? '')),
  )
  const byRules = haproxy.text.matchAll(/\bset-var(?:-fmt)?\(txn\.temporal\.(\w+)/g)
  const errors = errorVariables(engines)
  return new Set([
    // That there is no such option is said elsewhere, once.
    ...(errors.length > 0 ? errors : ['error']),
    ...VARIABLES,
    ...OPTIONAL_VARIABLES,
    ...setByConfig(loaded).map(({ name }) => name),
    ...byHaproxy,
    ...Array.from(byRules, ([, name = '']) => name),
  ])
}

/** The name that `option set-on-error` gives, of any of these engines. */
export function errorVariables(engines: readonly Engine[]): string[] {
  const named = engines.flatMap(({ agent }) => linesOf(agent, 'option', 'set-on-error').at(-1)?.words[2]?.text ?? [])
  return [...new Set(named)]
}
