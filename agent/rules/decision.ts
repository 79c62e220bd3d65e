import type { Identity } from '../identity/identity.ts'
import type { DenyReason } from '../identity/reasons.ts'
import type { CompiledRule } from './rule.ts'

export type DecisionReason = DenyReason | 'ok' | 'fail_open'

/** What is decided about one request. */
export interface Decision {
  readonly allow: boolean
  /** HTTP status of a denial; 200 on an allow. */
  readonly status: number
  /** `fail_open`: allowed unproven, because the provider was away and the rule asked for it. */
  readonly reason: DecisionReason
  /** The rule that decided; `undefined` when none matched. */
  readonly rule: CompiledRule | undefined
  /** Set whenever the caller is known, also on a denial. */
  readonly identity: Identity | undefined
  /** Backend of an allowed request; undefined where HAProxy's own rules choose. */
  readonly route: string | undefined
  /** Where a refused client is sent. */
  readonly location: string | undefined
  /** Seconds after which a client that exceeded its rate may come again; 0 where no limit refused. */
  readonly retryAfterS: number
  /** Requests that the strictest limit of the rule has left; -1 without limits. */
  readonly remaining: number
}

/** What most decisions are without. */
const PLAIN = { route: undefined, location: undefined, retryAfterS: 0, remaining: -1 } as const

export function allow(
  rule: CompiledRule,
  identity: Identity | undefined,
  route: string | undefined,
  remaining = -1,
): Decision {
  return {
    allow: true,
    status: 200,
    reason: 'ok',
    rule,
    identity,
    route,
    location: undefined,
    retryAfterS: 0,
    remaining,
  }
}

/** Allowed unproven. */
export function allowUnproven(rule: CompiledRule, route: string | undefined, remaining = -1): Decision {
  return { allow: true, status: 200, reason: 'fail_open', rule, identity: undefined, ...PLAIN, route, remaining }
}

export function deny(
  reason: DenyReason,
  status: number,
  rule: CompiledRule | undefined,
  identity: Identity | undefined,
): Decision {
  return { allow: false, status, reason, rule, identity, ...PLAIN }
}

/** Refused, and sent elsewhere. @param status of the redirect */
export function redirect(
  reason: DenyReason,
  status: number,
  rule: CompiledRule,
  identity: Identity | undefined,
  location: string,
): Decision {
  return { allow: false, status, reason, rule, identity, ...PLAIN, location }
}

/** Refused by a limit. */
export function limited(rule: CompiledRule, identity: Identity | undefined, retryAfterS: number): Decision {
  return { allow: false, status: 429, reason: 'rate_limited', rule, identity, ...PLAIN, retryAfterS, remaining: 0 }
}
