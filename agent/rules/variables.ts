import type { Reply } from 'node-spoe'
import type { Identity } from '../identity/identity.ts'
import { challenge } from '../identity/reasons.ts'
import type { Requirement } from '../identity/requirement.ts'
import { isSafeText } from '../identity/claim-values.ts'
import type { Expression, Facts } from './cel.ts'
import type { Decision } from './decision.ts'
import { identityView } from './facts.ts'

/** HAProxy's `option var-prefix`: `txn.temporal.decision` and so on. */
export const VARIABLE_PREFIX = 'temporal'

/** The variables of the contract, which `register-var-names` of spoe.conf must list for those HAProxy does not read. */
export const VARIABLES = [
  'decision',
  'status',
  'reason',
  'challenge',
  'rule',
  'route',
  'subject',
  'issuer',
  'tenant',
  'roles',
  'event_id',
  'workflow_id',
  'provider',
  'rlkey',
  'retry_after',
  'dpop_nonce',
] as const

/** Names that a rule's `set` may not take; the last three are HAProxy's own, see spoe.conf. */
export const RESERVED_VARIABLES: ReadonlySet<string> = new Set([...VARIABLES, 'error', 'process_ms', 'total_ms'])

/** A claim may be long; a variable that becomes a header must not be. */
const MAX_VARIABLE_BYTES = 1024

/** What a rule's `set` may produce. */
export type VariableValue = string | number | boolean

/** What a decision's variables need beside the decision. */
export interface Wording {
  /** `realm` of challenges. */
  readonly realm: string
  /** Where clients learn of the provider (RFC 9728); undefined where it says nothing. */
  readonly resourceMetadata: (requirement: Requirement) => string | undefined
  /** Seconds after which a client refused with 503 may come again. */
  retryAfterS(): number
  /** For `DPoP-Nonce`. */
  dpopNonce(): string | undefined
  /** Keyed name of the caller for rate limits; undefined where nobody asked for it. */
  readonly rateLimitKey: ((identity: Identity) => string | undefined) | undefined
}

/**
 * Puts a decision into the ACK, all in scope `txn`: `sess` would leak one request's caller into the next. The decision
 * itself comes last, because HAProxy ends a list at an action it does not like: what is cut off must be the allow.
 */
export function writeDecision(reply: Reply, decision: Decision, wording: Wording): void {
  reply.setVar('txn', 'reason', decision.reason)
  if (!decision.allow) {
    reply.setVar('txn', 'status', decision.status)
    const value = challengeOf(decision, wording)
    if (value !== '') reply.setVar('txn', 'challenge', value)
    if (decision.status === 503 || decision.status === 429) {
      reply.setVar('txn', 'retry_after', decision.reason === 'keys_unavailable' ? wording.retryAfterS() : 1)
    }
    if (decision.reason === 'dpop_nonce_required') {
      const nonce = wording.dpopNonce()
      if (nonce !== undefined) reply.setVar('txn', 'dpop_nonce', nonce)
    }
  }
  const { rule, identity } = decision
  if (rule !== undefined) {
    reply.setVar('txn', 'rule', rule.name)
    if (decision.allow && rule.route !== undefined) reply.setVar('txn', 'route', rule.route)
  }
  if (identity !== undefined) {
    reply.setVar('txn', 'provider', identity.provider)
    reply.setVar('txn', 'subject', identity.subject)
    reply.setVar('txn', 'issuer', identity.issuer)
    if (identity.tenant !== '') reply.setVar('txn', 'tenant', identity.tenant)
    const { joinedRoles } = identityView(identity)
    if (joinedRoles !== '') reply.setVar('txn', 'roles', joinedRoles)
    for (const name in identity.variables) reply.setVar('txn', name, identity.variables[name] ?? '')
    const key = wording.rateLimitKey?.(identity)
    if (key !== undefined) reply.setVar('txn', 'rlkey', key)
  }
  reply.setVar('txn', 'decision', decision.allow ? 'allow' : 'deny')
}

function challengeOf({ reason, rule }: Decision, { realm, resourceMetadata }: Wording): string {
  if (reason === 'ok' || reason === 'fail_open') return ''
  const scope = reason === 'insufficient_scope' ? rule?.scopes.join(' ') : undefined
  const metadata = rule?.caller === undefined ? undefined : resourceMetadata(rule.caller.requirement)
  return challenge(reason, { realm, resourceMetadata: metadata, ...(scope !== undefined && { scope }) })
}

/**
 * The value of one `set` entry; `undefined` leaves the variable unset: the claim is absent, or it is nothing that a
 * header could carry.
 */
export function evaluateVariable(expression: Expression, facts: Facts): VariableValue | undefined {
  let value: unknown
  try {
    value = expression.evaluate(facts)
  } catch {
    return undefined
  }
  if (Array.isArray(value))
    value = value.every((item) => typeof item === 'string' && !item.includes(',')) ? value.join(',') : undefined
  switch (typeof value) {
    case 'bigint':
      return Number.isSafeInteger(Number(value)) ? Number(value) : String(value)
    case 'number':
      // SPOP has no fractions.
      return Number.isSafeInteger(value) ? value : String(value)
    case 'boolean':
      return value
    case 'string':
      return isSafeText(value, MAX_VARIABLE_BYTES) ? value : undefined
    default:
      return undefined
  }
}
