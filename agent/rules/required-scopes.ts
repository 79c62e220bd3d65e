import type { ProviderSettings } from '../config/providers/provider.ts'
import type { Decision } from './decision.ts'

/** Scopes that a provider demands of every token of its, by the provider's name. */
export type RequiredScopes = ReadonlyMap<string, readonly string[]>

/** `requiredScopes` of the providers that have any. */
export function requiredScopesOf(providers: Readonly<Record<string, ProviderSettings>>): RequiredScopes {
  return new Map(
    Object.entries(providers).flatMap(([name, settings]) =>
      'requiredScopes' in settings && settings.requiredScopes !== undefined ? [[name, settings.requiredScopes]] : [],
    ),
  )
}

/**
 * The scopes that a caller needs who was refused for want of one (RFC 6750 section 3), for the challenge: those of the
 * rule and those of the caller's provider, because a token with the rule's alone would be refused once more. All of them
 * stand in agent.yaml; nothing of the token does.
 *
 * A token that its provider refused has no caller yet, so its provider is one of the rule's that demand scopes: of
 * several, what all of them demand is told. A client is never sent for a scope that it does not need.
 */
export function neededScopes(
  { rule, identity }: Pick<Decision, 'rule' | 'identity'>,
  required: RequiredScopes,
): string[] {
  const names = identity === undefined ? (rule?.caller?.requirement.providers ?? []) : [identity.provider]
  const [first = [], ...others] = names.flatMap((name) => {
    const scopes = required.get(name)
    return scopes === undefined ? [] : [scopes]
  })
  const common = first.filter((scope) => others.every((scopes) => scopes.includes(scope)))
  return [...new Set([...common, ...(rule?.scopes ?? [])])]
}
