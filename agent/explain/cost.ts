import type { Expression } from '../rules/cel.ts'
import type { CompiledWorkflow } from '../rules/rule.ts'
import type { Explained } from './explanation.ts'

/** What the decision took. */
export interface Cost {
  readonly rules: number
  readonly tried: number
  /** Parts that the expressions run at most, a loop counted as 100 rounds. */
  readonly celParts: number
  /** The first time, in a process that has just begun, with all that had to be fetched. */
  readonly firstUs: number
  /** The same again with everything known, the median of many; undefined where that was not tried. */
  readonly againUs: number | undefined
}

export function costOf({ policy, tried, answer, againUs }: Explained): Cost {
  const ran: (Expression | undefined)[] = tried
    .filter(({ steps }) => steps.some(({ what }) => what === 'when'))
    .map(({ rule }) => rule.when)
  const { rule, allow, reason } = answer.decision
  if (rule !== undefined && (allow || reason === 'policy_denied' || reason === 'redirected')) {
    const { set, workflow, limits, redirect, routeBy } = rule
    ran.push(...set.map(([, expression]) => expression), redirect?.to, routeBy?.value, ...limits.map(({ key }) => key))
    if (workflow !== undefined) ran.push(...expressionsOf(workflow))
  }
  return {
    rules: policy.ordered.length,
    tried: tried.length,
    celParts: ran.reduce((sum, expression) => sum + (expression?.cost ?? 0), 0),
    firstUs: answer.us,
    againUs,
  }
}

/** Everything that a rule computes of a request for Temporal. */
function expressionsOf({
  keyExpression,
  idExpression,
  idempotencyKey,
  data,
  call,
}: CompiledWorkflow): (Expression | undefined)[] {
  const values = [...data, ...(call?.memo ?? [])].map(([, value]) => value)
  const attributes = (call?.searchAttributes ?? []).map(({ value }) => value)
  const { debounce, throttle, rateLimit } = call?.shape ?? {}
  return [
    keyExpression,
    idExpression,
    idempotencyKey,
    call?.reason,
    debounce,
    throttle,
    rateLimit,
    ...values,
    ...attributes,
  ]
}
