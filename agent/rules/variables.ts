import type { Reply } from 'node-spoe'
import type { Identity } from '../identity/identity.ts'
import { challenge } from '../identity/challenge.ts'
import type { Requirement } from '../identity/requirement.ts'
import { isSafeText } from '../identity/claim-values.ts'
import type { Expression, Facts } from './cel.ts'
import type { Decision } from './decision.ts'
import { identityView } from './facts.ts'
import { IpAddress } from './ip-address.ts'
import { neededScopes, type RequiredScopes } from './required-scopes.ts'
import type { WantedProof } from './wanted-proofs.ts'

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

/**
 * Those that only some configurations need: what a redirect, a text for clients and a limit say; and the key and the time
 * of a request that is counted in windows, which HAProxy hands back with `outcome`.
 */
export const OPTIONAL_VARIABLES = ['location', 'message', 'limit_remaining', 'wkey', 'at'] as const

/** Names that a rule's `set` may not take, as docs/configuration.md says; the last three are HAProxy's own, see spoe.conf. */
export const RESERVED_VARIABLES: ReadonlySet<string> = new Set([
  ...VARIABLES,
  ...OPTIONAL_VARIABLES,
  'error',
  'process_ms',
  'total_ms',
])

/** A claim may be long; a variable that becomes a header must not be. */
const MAX_VARIABLE_BYTES = 1024

/** What a rule's `set` may produce. */
export type VariableValue = string | number | boolean | IpAddress | Uint8Array

/** What a decision's variables need beside the decision. */
export interface Wording {
  /** `realm` of challenges. */
  readonly realm: string
  /** Where clients learn of the provider (RFC 9728); undefined where it says nothing. */
  readonly resourceMetadata: (requirement: Requirement) => string | undefined
  /** What providers demand of every token; undefined where none does. */
  readonly requiredScopes?: RequiredScopes | undefined
  /** Whether tokens may, or must, come with a proof of their key; undefined where no provider takes proofs. */
  readonly wantedProof?: ((requirement: Requirement) => WantedProof) | undefined
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
    writeRefusal(reply, decision, wording)
    if (decision.reason === 'dpop_nonce_required') {
      const nonce = wording.dpopNonce()
      if (nonce !== undefined) reply.setVar('txn', 'dpop_nonce', nonce)
    }
  }
  const { rule, identity } = decision
  if (rule !== undefined) {
    reply.setVar('txn', 'rule', rule.name)
    if (decision.allow && decision.route !== undefined) reply.setVar('txn', 'route', decision.route)
  }
  if (decision.remaining >= 0) reply.setVar('txn', 'limit_remaining', decision.remaining)
  if (identity !== undefined) {
    reply.setVar('txn', 'provider', identity.provider)
    reply.setVar('txn', 'subject', identity.subject)
    reply.setVar('txn', 'issuer', identity.issuer)
    if (identity.tenant !== '') reply.setVar('txn', 'tenant', identity.tenant)
    const { joinedRoles } = identityView(identity)
    if (joinedRoles !== '') reply.setVar('txn', 'roles', joinedRoles)
    for (const name in identity.variables) {
      // What the rule itself sets stands in the ACK already, and of two HAProxy keeps the later one.
      if (rule?.set.some(([own]) => own === name)) continue
      reply.setVar('txn', name, identity.variables[name] ?? '')
    }
    const key = wording.rateLimitKey?.(identity)
    if (key !== undefined) reply.setVar('txn', 'rlkey', key)
  }
  reply.setVar('txn', 'decision', decision.allow ? 'allow' : 'deny')
}

function writeRefusal(reply: Reply, decision: Decision, wording: Wording): void {
  const { status, reason, rule, location, retryAfterS } = decision
  if (location !== undefined) reply.setVar('txn', 'location', location)
  else {
    const value = challengeOf(decision, wording)
    if (value !== '') reply.setVar('txn', 'challenge', value)
  }
  if (rule?.message !== undefined) reply.setVar('txn', 'message', rule.message)
  if (status === 503 || status === 429) {
    const seconds = reason === 'keys_unavailable' ? wording.retryAfterS() : Math.max(1, retryAfterS)
    reply.setVar('txn', 'retry_after', seconds)
  }
}

const NO_SCOPES: RequiredScopes = new Map()

function challengeOf(decision: Decision, wording: Wording): string {
  const { realm, resourceMetadata, requiredScopes = NO_SCOPES, wantedProof } = wording
  const { reason, rule } = decision
  if (reason === 'ok' || reason === 'fail_open') return ''
  const scope = reason === 'insufficient_scope' ? neededScopes(decision, requiredScopes).join(' ') : undefined
  const requirement = rule?.caller?.requirement
  return challenge(reason, {
    realm,
    resourceMetadata: requirement === undefined ? undefined : resourceMetadata(requirement),
    proof: requirement === undefined ? undefined : wantedProof?.(requirement),
    ...(scope !== undefined && { scope }),
  })
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
  if (value instanceof IpAddress) return value
  if (value instanceof Date) return value.toISOString()
  if (value instanceof Uint8Array) return value.length <= MAX_VARIABLE_BYTES ? value : undefined
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

/** Puts a value of `set` into the ACK, with the type that HAProxy gives it. */
export function writeVariable(reply: Reply, name: string, value: VariableValue): void {
  if (value instanceof IpAddress) reply.setVar('txn', name, { ip: value.text })
  else reply.setVar('txn', name, value)
}

/** As JSON has it: bytes in base64. */
export function plainVariable(value: VariableValue): string | number | boolean {
  if (value instanceof IpAddress) return value.text
  return value instanceof Uint8Array ? Buffer.from(value).toString('base64') : value
}
