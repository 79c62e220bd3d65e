import { compileRules } from '../rules/compile.ts'
import type { ConfigDocument } from './document.ts'
import { ConfigError, type Problem } from './problem.ts'
import { placed, type RuleConfig, ruleEntry } from './rules.ts'
import type { AgentConfig } from './schema.ts'

/**
 * What is wrong with the rules of a file that the schema refuses elsewhere, so that everything is told in one run: those
 * that it would take are compiled.
 */
export function ruleProblems(value: unknown, document: ConfigDocument): Problem[] {
  const file = asMapping(value)
  if (!Array.isArray(file['rules'])) return []
  const identity = asMapping(file['identity'] ?? {})
  const providers = identity['providers']
  const rules = file['rules'].flatMap((entry: unknown, index): RuleConfig[] => {
    const parsed = ruleEntry.safeParse(entry)
    return parsed.success && !document.holdsUnresolved(['rules', index]) ? placed(parsed.data, index) : []
  })
  const known = {
    rules,
    // Their names only: what they hold may be refused elsewhere.
    identity: { providers: Object.fromEntries(Object.keys(asMapping(providers)).map((name) => [name, {}])) },
    actor: { pseudonyms: asMapping(file['actor'])['pseudonyms'] },
    default: { deny: 403 },
  }
  try {
    compileRules(known as unknown as AgentConfig, document)
    return []
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    // Without a list of providers nobody can say that a name is not in it.
    const hasProviders = isMapping(identity) && (providers === undefined || isMapping(providers))
    return error.problems.filter(
      ({ code, message }) => hasProviders || code !== 'CONFIG_REFERENCE' || !message.startsWith('no provider'),
    )
  }
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function asMapping(value: unknown): Record<string, unknown> {
  return isMapping(value) ? value : {}
}
