import type { Authenticator } from '../identity/authenticator.ts'
import type { AuthResult, Identity } from '../identity/identity.ts'
import { reasons } from '../identity/reasons.ts'
import type { Facts } from './cel.ts'
import { allow, type Decision, deny } from './decision.ts'
import { ConnectionView, identityView, type RequestView } from './facts.ts'
import { type CompiledRule, matchesStatically, type RuleSet } from './rule.ts'

/** The credentials that came with a request. */
export interface Credentials {
  /** The Authorization header; the last one if there are several. */
  readonly authorization: string | undefined
  /** How many Authorization headers there are. */
  readonly count: number
}

/**
 * Decides a request: the first rule that matches wins, and nothing matching means denied. Synchronous whenever the
 * authenticator is, which is on every request but the first with a token.
 *
 * A rule whose `when` reads the identity must know the caller before it can say whether it matches. If the caller
 * cannot be known, that rule decides: an unproven caller never falls through to a later, weaker rule.
 */
export function decide(
  ruleSet: RuleSet,
  authenticator: Authenticator,
  request: RequestView,
  credentials: Credentials,
): Decision | Promise<Decision> {
  return decideFrom(0, ruleSet, authenticator, request, credentials, undefined, undefined)
}

/** @param known what the authenticator said last, about `providers`: rules that ask the same are not asked again */
function decideFrom(
  first: number,
  ruleSet: RuleSet,
  authenticator: Authenticator,
  request: RequestView,
  credentials: Credentials,
  providers: readonly string[] | undefined,
  known: AuthResult | undefined,
): Decision | Promise<Decision> {
  const { rules } = ruleSet
  for (let i = first; i < rules.length; i++) {
    const rule = rules[i]
    if (rule === undefined || !matchesStatically(rule.match, request.method, request.host, request.path)) continue
    if (rule.when !== undefined && !rule.when.needsIdentity) {
      const matched = test(rule, request, undefined)
      if (matched === 'error') return deny('policy_error', 403, rule, undefined)
      if (!matched) continue
    }
    let identity: Identity | undefined
    if (rule.providers !== undefined) {
      if (known === undefined || rule.providers !== providers) {
        providers = rule.providers
        const result = authenticator.authenticate(credentials.authorization, credentials.count, providers)
        if (result instanceof Promise) {
          return result.then((later) =>
            decideFrom(i, ruleSet, authenticator, request, credentials, rule.providers, later),
          )
        }
        known = result
      }
      if (!known.ok) return deny(known.reason, reasons[known.reason].status, rule, undefined)
      identity = known.identity
    }
    if (rule.when?.needsIdentity) {
      const matched = test(rule, request, identity)
      if (matched === 'error') return deny('policy_error', 403, rule, identity)
      if (!matched) continue
    }
    return conclude(rule, identity)
  }
  return deny('default_denied', ruleSet.defaultDeny, undefined, undefined)
}

function conclude(rule: CompiledRule, identity: Identity | undefined): Decision {
  if (rule.deny !== undefined) return deny('policy_denied', rule.deny, rule, identity)
  for (const scope of rule.scopes) {
    if (!identity?.scopes.includes(scope))
      return deny('insufficient_scope', reasons.insufficient_scope.status, rule, identity)
  }
  return allow(rule, identity)
}

/** An expression that fails (a claim that is not there) must not count as "does not match": that could open a later rule. */
function test(rule: CompiledRule, request: RequestView, identity: Identity | undefined): boolean | 'error' {
  try {
    return rule.when?.evaluate(factsOf(request, identity)) === true
  } catch {
    return 'error'
  }
}

export function factsOf(request: RequestView, identity: Identity | undefined): Facts {
  return {
    request,
    connection: new ConnectionView(request.source, request.tls),
    identity: identity === undefined ? null : identityView(identity),
  }
}
