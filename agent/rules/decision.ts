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
}

export function allow(rule: CompiledRule, identity: Identity | undefined): Decision {
  return { allow: true, status: 200, reason: 'ok', rule, identity }
}

export function deny(
  reason: DenyReason,
  status: number,
  rule: CompiledRule | undefined,
  identity: Identity | undefined,
): Decision {
  return { allow: false, status, reason, rule, identity }
}
