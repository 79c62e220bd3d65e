import type { Expression } from './cel.ts'
import type { RuleContext } from './compile-context.ts'
import type { CompiledLimit, CompiledRule } from './rule.ts'
import { RESERVED_VARIABLES } from './variables.ts'

/** Variables that the rule sets, as HAProxy sees them. */
export function compileSet(context: RuleContext): [string, Expression][] {
  const { set } = context.rule
  for (const name of Object.keys(set)) {
    if (!RESERVED_VARIABLES.has(name)) continue
    const message = `"${name}" is a variable that the agent sets itself`
    const hint = `Choose another name. Taken are ${[...RESERVED_VARIABLES].join(', ')}.`
    context.refuse('CONFIG_CONFLICT', ['set', name], message, hint)
  }
  return context.expressions(set, ['set'])
}

export function compileRouteBy(context: RuleContext): CompiledRule['routeBy'] {
  const { routeBy } = context.rule
  if (routeBy === undefined) return undefined
  const value = context.expression(routeBy.value, ['routeBy', 'value'], 'string')
  return value === undefined ? undefined : { value, among: new Set(routeBy.among) }
}

/** How the rule answers: a refusal, a redirect, or a route. */
export function compileRedirect(context: RuleContext): CompiledRule['redirect'] {
  const { name, deny, redirect, route, routeBy, limit } = context.rule
  const ends = redirect === undefined ? (deny === undefined ? undefined : 'denies') : 'redirects'
  if (redirect !== undefined && deny !== undefined) {
    context.refuse('CONFIG_CONFLICT', ['redirect'], `rule "${name}" denies, so nobody is redirected`)
  }
  if (ends !== undefined && (route !== undefined || routeBy !== undefined)) {
    const key = route === undefined ? 'routeBy' : 'route'
    context.refuse('CONFIG_CONFLICT', [key], `rule "${name}" ${ends}, so its route is never taken`)
  }
  if (ends !== undefined && limit !== undefined) {
    context.refuse('CONFIG_CONFLICT', ['limit'], `rule "${name}" ${ends}, so there is nothing to limit`)
  }
  if (redirect === undefined) return undefined
  const to = context.expression(redirect.to, ['redirect', 'to'], 'string')
  return to === undefined ? undefined : { to, status: redirect.status }
}

export function compileLimits(context: RuleContext): CompiledLimit[] {
  const { rule, compile } = context
  return (rule.limit ?? []).flatMap((limit, i) => {
    const key = context.expression(limit.key, ['limit', i, 'key'], 'string')
    if (key === undefined) return []
    // What its keys mean belongs to its name: another key expression begins anew.
    const id = `${rule.name}/${i}/${limit.key}`
    compile.limiterIds.push(id)
    return [{ key, limiter: compile.limiters.get(id, limit) }]
  })
}
