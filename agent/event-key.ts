import { createHash } from 'node:crypto'
import type { Actors } from './actor/actors.ts'
import { isSafeText } from './identity/claim-values.ts'
import type { Expression, Facts } from './rules/cel.ts'
import type { CompiledWorkflow } from './rules/rule.ts'

/** Entity key of events whose key expression gives nothing: they are kept together, not lost. No other key begins so. */
export const NO_KEY = '~none'

/** Temporal takes ids of 1,000 bytes, and the rule's name comes before the key. */
const MAX_KEY_BYTES = 500
const MAX_ID_BYTES = 1000

/** Marks keys of rules, so that none is taken for the unique-id of another request. */
const OWN_KEY = 'k:'

/**
 * What names an event within its rule: the request's id, or the rule's idempotency key. Where that gives nothing, the
 * request's id again: an event that cannot be told from others is kept.
 */
export function eventKey({ idempotencyKey }: CompiledWorkflow, facts: Facts, pseudonyms: Actors | undefined): string {
  if (idempotencyKey === undefined) return facts.request.id
  const key = entityKey(idempotencyKey, facts, pseudonyms)
  return key === NO_KEY ? facts.request.id : `${OWN_KEY}${key}`
}

/** @param pseudonyms for a key that must not stand in workflow ids as it is */
export function entityKey(expression: Expression, facts: Facts, pseudonyms: Actors | undefined): string {
  const value = textOf(expression, facts)
  if (value === undefined) return NO_KEY
  if (pseudonyms !== undefined) return pseudonyms.keyPseudonym(value) ?? NO_KEY
  return isSafeText(value, MAX_KEY_BYTES) && !value.startsWith('~') ? value : hashed(value)
}

/** Of no workflow: Temporal refuses the call for good, and the event becomes a dead letter that somebody sees. */
const NO_WORKFLOW = ''

/** The id of the workflow that is meant, which others have started: as it is, or of none. */
export function meantId(expression: Expression, facts: Facts): string {
  const value = textOf(expression, facts)
  return value !== undefined && isSafeText(value, MAX_ID_BYTES) ? value : NO_WORKFLOW
}

/**
 * The id of a workflow to start. Where no workflow can have what the expression gives, one of the rule's own that is the
 * same for the same text, as with keys.
 *
 * @param otherwise where the expression gives nothing
 */
export function givenId(expression: Expression, facts: Facts, rule: string, otherwise: string): string {
  const value = textOf(expression, facts)
  if (value === undefined) return otherwise
  return isSafeText(value, MAX_ID_BYTES) ? value : `${rule}/${hashed(value)}`
}

function textOf(expression: Expression, facts: Facts): string | undefined {
  try {
    const value = expression.evaluate(facts)
    return typeof value === 'string' && value !== '' ? value : undefined
  } catch {
    return undefined
  }
}

/** For what is too long for an id, or has characters that would break a log line. */
function hashed(value: string): string {
  return `~${createHash('sha256').update(value).digest('base64url')}`
}
