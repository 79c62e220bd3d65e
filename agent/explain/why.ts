import type { RuleConfig } from '../config/rules.ts'
import { type DenyReason, reasons } from '../identity/reasons.ts'
import type { Facts } from '../rules/cel.ts'
import type { CompiledRule } from '../rules/rule.ts'
import { type ReadValue, valuesRead } from './expression-values.ts'
import type { Secrets } from './secrets.ts'
import type { Step } from './steps.ts'

/** What a step looked at, and what was wanted. */
export interface Why {
  /** As agent.yaml has it. */
  readonly wanted?: unknown
  readonly values: readonly ReadValue[]
  /** Of a caller who could not be proven, and of what could not be judged. */
  readonly because?: string
  readonly hint?: string
  readonly doc?: string
}

/** Explains a step of a rule with what the request has to show. */
export function whyOf(step: Step, rule: CompiledRule, config: RuleConfig, facts: Facts, secrets: Secrets): Why {
  const because =
    step.result === 'error' && step.detail !== undefined ? { because: secrets.clean(firstLine(step.detail)) } : {}
  return { ...looked(step, rule, config, facts, secrets), ...because }
}

function looked(step: Step, rule: CompiledRule, config: RuleConfig, facts: Facts, secrets: Secrets): Why {
  const { match } = config
  const { request, connection } = facts
  const [kind = '', name = ''] = step.what.split(' ', 2)
  const one = (field: string, wanted: unknown, value: unknown): Why => ({
    ...(wanted !== undefined && { wanted }),
    values: [{ name: field, value }],
  })
  switch (kind) {
    case 'when':
      return { wanted: match.when, values: valuesRead(match.when ?? '', facts, rule.captures, secrets) }
    case 'pathRegex':
      return one('request.path', match.pathRegex, secrets.clean(request.path))
    case 'source':
      return one('connection.source', match.source, connection.source)
    case 'time':
      return one('request.time', match.time, request.time.toISOString())
    case 'tls': {
      const { tls } = match
      if (typeof tls !== 'object') return one('connection.tls', tls, connection.tls)
      if (name === 'sni') return one('connection.sni', tls.sni, secrets.clean(connection.sni))
      return one('connection.tlsVersion', tls.minVersion, connection.tlsVersion)
    }
    case 'header':
      return one(
        `header ${name}`,
        match.header?.[name],
        valueOf(() => request.header(name.toLowerCase()), name, secrets),
      )
    case 'query':
      return one(
        `query ${name}`,
        match.query?.[name],
        valueOf(() => request.param(name), name, secrets),
      )
    case 'identity': {
      if (step.result === 'passed') return { values: [] }
      const reason = step.detail as DenyReason
      const { hint, doc } = reasons[reason]
      return { values: [], because: reason, hint, doc: `docs/${doc}` }
    }
    case 'shadow':
      return { values: [], because: step.detail ?? '' }
    default:
      return { values: [] }
  }
}

function valueOf(read: () => string | undefined, name: string, secrets: Secrets): string | undefined {
  try {
    const value = read()
    return value === undefined ? undefined : secrets.valueOf(name, value)
  } catch (error) {
    return secrets.clean((error as Error).message)
  }
}

/** Below it CEL draws where in the expression it is. */
function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? ''
}
