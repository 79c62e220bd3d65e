import type { Authenticator } from '../identity/authenticator.ts'
import type { Evidence } from '../identity/evidence.ts'
import type { AuthResult, Identity } from '../identity/identity.ts'
import { type DenyReason, reasons } from '../identity/reasons.ts'
import type { Requirement } from '../identity/requirement.ts'
import type { Facts } from './cel.ts'
import { allow, type Decision, deny } from './decision.ts'
import { ANONYMOUS, ConnectionView, identityView, type RequestView } from './facts.ts'
import { type CompiledRule, matchesStatically, type RuleSet } from './rule.ts'

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
  evidence: Evidence,
): Decision | Promise<Decision> {
  return decideFrom(0, ruleSet, authenticator, request, evidence, undefined, undefined)
}

/** @param known what the authenticator said last, about `asked`: rules that ask the same are not asked again */
function decideFrom(
  first: number,
  ruleSet: RuleSet,
  authenticator: Authenticator,
  request: RequestView,
  evidence: Evidence,
  asked: Requirement | undefined,
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
    const { caller } = rule
    if (caller !== undefined) {
      if (known === undefined || caller.requirement !== asked) {
        asked = caller.requirement
        const result = authenticator.authenticate(asked, evidence)
        if (result instanceof Promise) {
          return result.then((later) =>
            decideFrom(i, ruleSet, authenticator, request, evidence, caller.requirement, later),
          )
        }
        known = result
      }
      if (known.ok) identity = known.identity
      else if (!(caller.optional && ABSENT.has(known.reason))) {
        const away = caller.failOpen && UNAVAILABLE.has(known.reason) && authenticator.isAway(caller.requirement)
        if (away) return failOpen(rule, known.reason)
        return deny(known.reason, reasons[known.reason].status, rule, undefined)
      }
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

/** Nothing was shown: a caller that a rule with `optional` takes for anonymous. An invalid credential never is. */
const ABSENT: ReadonlySet<DenyReason> = new Set<DenyReason>(['no_credentials', 'client_cert_required'])

/** We cannot tell who calls, through no fault of his: what a rule with `failOpen` lets through. */
const UNAVAILABLE: ReadonlySet<DenyReason> = new Set<DenyReason>([
  'keys_unavailable',
  'introspection_unavailable',
  'sts_unavailable',
  'forward_auth_unavailable',
  'secrets_unavailable',
])

/** The rule asked to let callers pass unproven while its provider is away; its condition cannot be known then. */
function failOpen(rule: CompiledRule, reason: DenyReason): Decision {
  if (rule.deny !== undefined || rule.when?.needsIdentity === true) {
    return deny(reason, reasons[reason].status, rule, undefined)
  }
  return { allow: true, status: 200, reason: 'fail_open', rule, identity: undefined }
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
    identity: identity === undefined ? ANONYMOUS : identityView(identity),
  }
}
