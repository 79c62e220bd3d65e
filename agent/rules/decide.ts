import type { Authenticator } from '../identity/authenticator.ts'
import type { Evidence } from '../identity/evidence.ts'
import type { AuthResult, Identity } from '../identity/identity.ts'
import { type Denied, type DenyReason, reasons } from '../identity/reasons.ts'
import type { Requirement } from '../identity/requirement.ts'
import type { Expression, Facts } from './cel.ts'
import { allow, allowUnproven, type Decision, deny, limited, redirect } from './decision.ts'
import type { ConnectionView, RequestView } from './facts.ts'
import { takeFrom } from './limits.ts'
import type { LinearRegex } from './regex.ts'
import { connectionOf, factsOf } from './rule-facts.ts'
import type { CallerRequirement, CompiledRule } from './rule.ts'
import type { Policy } from './rule-set.ts'

/** Follows a decision, for people who ask why; every call says what has just been found out. */
export interface Trace {
  /** The rule may match, by method, host and path; it is looked at now. */
  tried(rule: CompiledRule): void
  /** `passed`: it holds. `failed`: the next rule is tried. `error`: it cannot be judged, which denies. */
  judged(rule: CompiledRule, what: string, result: 'passed' | 'failed' | 'error', detail?: string): void
  authenticated(rule: CompiledRule, result: AuthResult): void
  decided(decision: Decision): void
}

/**
 * Decides a request: the first rule that matches wins, and nothing matching means denied. Synchronous whenever the
 * authenticator is, which is on every request but the first with a token.
 *
 * A rule whose `when` reads the identity must know the caller before it can say whether it matches. If the caller
 * cannot be known, that rule decides: an unproven caller never falls through to a later, weaker rule.
 *
 * A rule in shadow mode goes the same way; what it decides is told to `onShadow`, and the next rule is tried.
 */
export function decide(
  policy: Policy,
  authenticator: Authenticator,
  request: RequestView,
  evidence: Evidence,
  trace?: Trace,
): Decision | Promise<Decision> {
  return decideFrom(0, new Scene(policy, authenticator, request, evidence, trace))
}

/** What a decision is made of; one object a request. */
class Scene {
  readonly policy: Policy
  readonly authenticator: Authenticator
  readonly request: RequestView
  readonly evidence: Evidence
  readonly trace: Trace | undefined
  #connection: ConnectionView | undefined

  constructor(
    policy: Policy,
    authenticator: Authenticator,
    request: RequestView,
    evidence: Evidence,
    trace: Trace | undefined,
  ) {
    this.policy = policy
    this.authenticator = authenticator
    this.request = request
    this.evidence = evidence
    this.trace = trace
    this.#connection = undefined
  }

  /** Most rules look at the request alone. */
  get connection(): ConnectionView {
    return (this.#connection ??= connectionOf(this.evidence))
  }

  factsOf(rule: CompiledRule, identity: Identity | undefined): Facts {
    return factsOf(rule, this.policy, this.request, this.connection, identity)
  }
}

/** @param known what the authenticator said last, about `asked`: rules that ask the same are not asked again */
function decideFrom(
  first: number,
  scene: Scene,
  asked?: Requirement,
  known?: AuthResult,
): Decision | Promise<Decision> {
  const { policy, request, trace } = scene
  const candidates = policy.index.candidates(request.method, request.host, request.path).startAt(first)
  for (let i = candidates.next(); i !== -1; i = candidates.next()) {
    const rule = policy.ordered[i]
    if (rule === undefined) continue
    trace?.tried(rule)
    const matched = holdsBeforeCaller(rule, scene)
    if (matched === false) continue
    let decision: Decision | undefined
    if (matched === 'error') decision = deny('policy_error', 403, rule, undefined)
    else if (rule.caller === undefined) decision = conclude(rule, scene, undefined)
    else {
      const { requirement } = rule.caller
      if (known === undefined || requirement !== asked) {
        asked = requirement
        const result = scene.authenticator.authenticate(requirement, scene.evidence)
        if (result instanceof Promise) return result.then((later) => decideFrom(i, scene, requirement, later))
        known = result
      }
      trace?.authenticated(rule, known)
      decision = judgeCaller(rule, rule.caller, scene, known)
    }
    if (decision === undefined) continue
    if (rule.shadow) {
      policy.onShadow(rule, decision)
      trace?.judged(rule, 'shadow', 'passed', decision.reason)
      continue
    }
    trace?.decided(decision)
    return decision
  }
  const decision = deny('default_denied', policy.defaultDeny, undefined, undefined)
  trace?.decided(decision)
  return decision
}

/** Everything of the match that can be judged before anybody knows who calls. */
function holdsBeforeCaller(rule: CompiledRule, scene: Scene): boolean | 'error' {
  const { request, trace } = scene
  for (const condition of rule.conditions) {
    let holds: boolean
    try {
      holds = condition.holds(request, scene.connection)
    } catch (error) {
      trace?.judged(rule, condition.label, 'error', (error as Error).message)
      return 'error'
    }
    trace?.judged(rule, condition.label, holds ? 'passed' : 'failed')
    if (!holds) return false
  }
  if (rule.pathRegex !== undefined) {
    const found = tested(rule, 'pathRegex', scene, () => isFound(rule.pathRegex, request.path))
    if (found !== true) return found
  }
  return rule.when === undefined || rule.whenNeedsCaller ? true : test(rule, rule.when, scene, undefined)
}

/** With groups as they will be read: that has a bound of its own, and must not fail later. */
function isFound(regex: LinearRegex | undefined, path: string): boolean {
  if (regex === undefined) return true
  return regex.names.length === 0 ? regex.test(path) : regex.capture(path, {})
}

/** What the rule says once the authenticator has spoken; undefined when it does not match this caller. */
function judgeCaller(
  rule: CompiledRule,
  caller: CallerRequirement,
  scene: Scene,
  known: AuthResult,
): Decision | undefined {
  if (!known.ok && !(caller.optional && ABSENT.has(known.reason))) return refuseCaller(rule, caller, scene, known)
  const identity = known.ok ? known.identity : undefined
  if (rule.when !== undefined && rule.whenNeedsCaller) {
    const matched = test(rule, rule.when, scene, identity)
    if (matched === 'error') return deny('policy_error', 403, rule, identity)
    if (!matched) return undefined
  }
  return conclude(rule, scene, identity)
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

function refuseCaller(rule: CompiledRule, caller: CallerRequirement, scene: Scene, { reason }: Denied): Decision {
  // A condition on the caller cannot be known while nobody can be proven.
  const opens = caller.failOpen && rule.deny === undefined && rule.redirect === undefined && !rule.whenNeedsCaller
  if (opens && UNAVAILABLE.has(reason) && scene.authenticator.isAway(caller.requirement)) {
    // All unproven callers would share the account of nobody; limits by address and the like hold all the more.
    const limits = rule.limits.filter(({ key }) => !key.needsIdentity)
    const left = within(rule, limits, scene, undefined)
    return typeof left === 'number' ? allowUnproven(rule, routeOf(rule, scene, undefined), left) : left
  }
  const { status } = reasons[reason]
  if (status === 401 && caller.redirect !== undefined) {
    const location = locationOf(rule, caller.redirect, scene, undefined)
    if (location !== undefined) return redirect(reason, 302, rule, undefined, location)
  }
  return deny(reason, status, rule, undefined)
}

/** The rule matches: what it wants done. */
function conclude(rule: CompiledRule, scene: Scene, identity: Identity | undefined): Decision {
  if (rule.deny !== undefined) return deny('policy_denied', rule.deny, rule, identity)
  for (const scope of rule.scopes) {
    if (identity?.scopes.includes(scope)) continue
    return deny('insufficient_scope', reasons.insufficient_scope.status, rule, identity)
  }
  if (rule.redirect !== undefined) {
    const location = locationOf(rule, rule.redirect.to, scene, identity)
    if (location === undefined) return deny('policy_error', 403, rule, identity)
    return redirect('redirected', rule.redirect.status, rule, identity, location)
  }
  const left = within(rule, rule.limits, scene, identity)
  return typeof left === 'number' ? allow(rule, identity, routeOf(rule, scene, identity), left) : left
}

/** How many requests the limits leave, -1 without any, or the refusal. */
function within(
  rule: CompiledRule,
  limits: CompiledRule['limits'],
  scene: Scene,
  identity: Identity | undefined,
): number | Decision {
  if (limits.length === 0) return -1
  try {
    const outcome = takeFrom(limits, scene.factsOf(rule, identity))
    return 'retryAfterS' in outcome ? limited(rule, identity, outcome.retryAfterS) : outcome.remaining
  } catch (error) {
    scene.trace?.judged(rule, 'limit', 'error', (error as Error).message)
    return deny('policy_error', 403, rule, identity)
  }
}

/** A backend that somebody else chooses must be one of those that the rule names. */
function routeOf(rule: CompiledRule, scene: Scene, identity: Identity | undefined): string | undefined {
  const { route, routeBy } = rule
  if (routeBy === undefined) return route
  try {
    const chosen = routeBy.value.evaluate(scene.factsOf(rule, identity))
    return typeof chosen === 'string' && routeBy.among.has(chosen) ? chosen : route
  } catch (error) {
    scene.trace?.judged(rule, 'routeBy', 'error', (error as Error).message)
    return route
  }
}

/**
 * What may stand in a Location field: visible ASCII, as RFC 3986 has it. Not `https:///evil.example` nor `https:evil.example`:
 * without a host the next part becomes one to browsers, as it does behind a backslash.
 */
const LOCATION = /^(?!(?:[a-z][a-z0-9+.-]*:)?\/\/(?:[/?#]|$))(?!https?:(?!\/\/))[\x21-\x5b\x5d-\x7e]{1,2048}$/i

function locationOf(
  rule: CompiledRule,
  expression: Expression,
  scene: Scene,
  identity: Identity | undefined,
): string | undefined {
  try {
    const value = expression.evaluate(scene.factsOf(rule, identity))
    return typeof value === 'string' && LOCATION.test(value) ? value : undefined
  } catch (error) {
    scene.trace?.judged(rule, 'redirect', 'error', (error as Error).message)
    return undefined
  }
}

/** An expression that fails (a claim that is not there) must not count as "does not match": that could open a later rule. */
function test(rule: CompiledRule, when: Expression, scene: Scene, identity: Identity | undefined): boolean | 'error' {
  return tested(rule, 'when', scene, () => when.evaluate(scene.factsOf(rule, identity)) === true)
}

function tested(rule: CompiledRule, what: string, { trace }: Scene, judge: () => boolean): boolean | 'error' {
  try {
    const holds = judge()
    trace?.judged(rule, what, holds ? 'passed' : 'failed')
    return holds
  } catch (error) {
    trace?.judged(rule, what, 'error', (error as Error).message)
    return 'error'
  }
}
