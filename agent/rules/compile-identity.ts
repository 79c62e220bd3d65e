import { suggest } from '../config/suggest.ts'
import type { Requirement } from '../identity/requirement.ts'
import { locationsOf, sharedPlaces } from './all-places.ts'
import type { RuleContext } from './compile-context.ts'
import type { CallerRequirement } from './rule.ts'

/** Requirements seen so far: equal ones become one object, so that the decision sees at a glance that two rules ask the same. */
export type Requirements = Map<string, Requirement>

/** Who may call; undefined where everybody may. Silence is refused: a front door must not guess. */
export function compileCaller(context: RuleContext, requirements: Requirements): CallerRequirement | undefined {
  const { rule, compile } = context
  if (rule.identity === undefined) {
    if (rule.deny === undefined && rule.redirect === undefined) {
      context.refuse('CONFIG_IDENTITY_UNSTATED', [], `rule "${rule.name}" does not say who may call`)
    }
    return undefined
  }
  if (rule.identity === 'none') return undefined
  const { require, optional, failOpen, redirect } = rule.identity
  if (require.mode === 'all') refuseAll(context, require.providers, optional || failOpen)
  const names = Object.keys(compile.config.identity.providers)
  for (const name of require.providers) {
    if (names.includes(name)) continue
    const close = suggest(name, names)
    const hint =
      close === undefined
        ? `Declared under identity.providers: ${names.join(', ') || 'none'}.`
        : `Did you mean "${close}"?`
    context.refuse('CONFIG_REFERENCE', ['identity', 'require'], `no provider is called "${name}"`, hint)
  }
  if (rule.on === 'connection') refuseRequestCredentials(context, require.providers)
  const key = JSON.stringify(require)
  const requirement = requirements.get(key) ?? require
  requirements.set(key, requirement)
  return {
    requirement,
    optional,
    failOpen,
    redirect:
      redirect === undefined ? undefined : context.expression(redirect, ['identity', 'redirect'], 'string', false),
  }
}

/** A connection shows a certificate, and nothing else: other callers could never be proven. */
function refuseRequestCredentials(context: RuleContext, providers: readonly string[]): void {
  for (const name of providers) {
    const places = locationsOf(context.compile.config, name)
    // An unknown provider has no place, and is told elsewhere.
    if (places.length === 0 || places.some(({ exclusive }) => !exclusive)) continue
    const message = `"${name}" proves callers by what requests carry, and connections have none yet`
    const hint = 'Require a provider of the kind "certificate", or give the rule "on: request".'
    context.refuse('CONFIG_CONFLICT', ['identity', 'require'], message, hint)
  }
}

function refuseAll(context: RuleContext, providers: readonly string[], isLenient: boolean): void {
  if (isLenient) {
    context.refuse(
      'CONFIG_CONFLICT',
      ['identity'],
      `"all" goes with neither "optional" nor "failOpen"`,
      'One of the credentials would stand for the others.',
    )
  }
  if (new Set(providers).size < providers.length) {
    context.refuse('CONFIG_CONFLICT', ['identity', 'require'], '"all" names a provider twice')
  }
  const shared = sharedPlaces(context.compile.config, providers)
  if (shared !== undefined) {
    context.refuse(
      'CONFIG_CONFLICT',
      ['identity', 'require'],
      `no request can carry all: ${shared}`,
      'Give one of them a place of its own, such as "token: { from: { cookie: session } }".',
    )
  }
}
