import type { RuleConfig } from '../config/rules.ts'
import type { Facts } from '../rules/cel.ts'
import type { ConnectionView } from '../rules/facts.ts'
import { factsOf } from '../rules/rule-facts.ts'
import type { CompiledRule } from '../rules/rule.ts'
import type { Explained } from './explanation.ts'
import { digestOf } from './secrets.ts'
import { readsSecret, valuesRead } from './expression-values.ts'
import type { Shown } from './recording.ts'
import { type ExplainedWorkflow, workflowIdSources, workflowOf } from './workflow.ts'

export interface ExplainedLimit {
  readonly key: string
  readonly keyValue: string | undefined
  readonly rate: string
  readonly algorithm: string
  readonly burst: number | undefined
}

/** What comes of a decision. */
export interface Effects {
  /** As HAProxy sees them: names without `txn.temporal.`. */
  readonly variables: Readonly<Record<string, Shown>>
  /** Entries of `set` that give nothing, so that their variables stay unset, and what they read. */
  readonly unset: readonly { readonly name: string; readonly expression: string; readonly because: string }[]
  readonly workflow: ExplainedWorkflow | undefined
  readonly limits: readonly ExplainedLimit[]
}

export function effectsOf(explained: Explained, connection: ConnectionView): Effects {
  const { loaded, policy, answer, secrets } = explained
  const { decision, request, variables } = answer
  const { rule } = decision
  const config = rule && loaded.config.rules[rule.index]
  const hidden = <T>(source: string | undefined, value: T): T | string =>
    source !== undefined && readsSecret(source, secrets) ? digestOf(String(value)) : value
  const shown = Object.fromEntries(
    Object.entries(variables).map(([name, value]) => [name, secrets.cleanAll(hidden(sourceOf(config, name), value))]),
  )
  if (rule === undefined || config === undefined)
    return { variables: shown, unset: [], workflow: undefined, limits: [] }
  const facts = factsOf(rule, policy, request, connection, decision.identity)
  return {
    variables: shown,
    unset: unsetOf(explained, rule, config, facts),
    workflow: workflowOf(explained, rule, config, facts),
    limits: rule.limits.map(({ key }, i) => {
      const limit = config.limit?.[i]
      return {
        key: limit?.key ?? '',
        keyValue: secrets.cleanAll(
          hidden(
            limit?.key,
            textOf(() => key.evaluate(facts)),
          ),
        ),
        rate: limit === undefined ? '' : `${limit.rate.count}/${duration(limit.rate.periodMs)}`,
        algorithm: limit?.algorithm ?? '',
        burst: limit?.burst,
      }
    }),
  }
}

function unsetOf(
  { answer, secrets }: Explained,
  rule: CompiledRule,
  config: RuleConfig,
  facts: Facts,
): Effects['unset'] {
  const { allow, reason } = answer.decision
  if (!allow && reason !== 'policy_denied' && reason !== 'redirected') return []
  return rule.set.flatMap(([name]) => {
    if (name in answer.variables) return []
    const expression = config.set[name] ?? ''
    const missing = valuesRead(expression, facts, rule.captures, secrets)
      .filter(({ value }) => value === undefined)
      .map((read) => read.name)
    const because = missing.length === 0 ? 'it gives nothing that a variable could hold' : `no ${missing.join(', ')}`
    return [{ name, expression, because }]
  })
}

/** The expressions that a variable comes from; undefined for one that rules do not write. */
function sourceOf(config: RuleConfig | undefined, variable: string): string | undefined {
  if (config === undefined) return undefined
  const { set, redirect, workflow } = config
  switch (variable) {
    case 'location':
      return redirect?.to
    case 'event_id':
    case 'workflow_id':
      return workflowIdSources(workflow)
    default:
      return set[variable]
  }
}

function textOf(read: () => unknown): string | undefined {
  try {
    const value = read()
    return typeof value === 'string' ? value : undefined
  } catch {
    return undefined
  }
}

const UNITS = [
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
] as const

function duration(ms: number): string {
  const [unit, size] = UNITS.find(([, length]) => ms % length === 0) ?? ['ms', 1]
  return `${ms / size}${unit}`
}
