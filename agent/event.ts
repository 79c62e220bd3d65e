import { createHash } from 'node:crypto'
import { Actors } from './actor/actors.ts'
import type { Command } from './dispatch/command.ts'
import { isSafeText } from './identity/claim-values.ts'
import type { Identity } from './identity/identity.ts'
import type { EdgeEvent } from './messages.ts'
import type { Expression, Facts } from './rules/cel.ts'
import type { CompiledWorkflow } from './rules/rule.ts'
import type { VariableValue } from './rules/variables.ts'

/** Entity key of events whose key expression gives nothing: they are kept together, not lost. No other key begins so. */
export const NO_KEY = '~none'

/** Temporal takes ids of 1,000 bytes, and the rule's name comes before the key. */
const MAX_KEY_BYTES = 500

/** What the configuration and the decision say about the caller of an event. */
export interface EventContext {
  readonly actors: Actors
  /** The identity could not be checked, and the rule let the request through. */
  readonly failOpen: boolean
}

/** Everything of the caller in plain text: what agent.yaml has without `actor`. */
const PLAIN: EventContext = { actors: new Actors(), failOpen: false }

/**
 * What a matched request asks of Temporal. All ids come from the rule's name and HAProxy's unique-id, so the same
 * request always makes the same command.
 */
export function toCommand(
  workflow: CompiledWorkflow,
  facts: Facts,
  identity: Identity | undefined,
  vars: Readonly<Record<string, VariableValue>>,
  { actors, failOpen }: EventContext = PLAIN,
): Command {
  const { request } = facts
  const { rule, kind, workflowType, taskQueue, delivery, keyExpression, keyAs } = workflow
  const event: EdgeEvent = {
    id: `${rule}/${request.id}`,
    type: workflow.type,
    rule,
    at: Date.now(),
    request: {
      id: request.id,
      method: request.method,
      host: request.host,
      path: request.path,
      query: workflow.query ? request.query : '',
      source: request.source,
    },
    actor: actors.actorOf(identity, { requestId: request.id, rule, failOpen }),
    vars,
  }
  const key =
    keyExpression === undefined ? '' : entityKey(keyExpression, facts, keyAs === 'pseudonym' ? actors : undefined)
  const workflowId = kind === 'start' ? event.id : `${rule}/${key}`
  return { kind, rule, workflowType, taskQueue, delivery, workflowId, key, event }
}

/** @param pseudonyms for a key that must not stand in workflow ids as it is */
function entityKey(expression: Expression, facts: Facts, pseudonyms: Actors | undefined): string {
  let value: unknown
  try {
    value = expression.evaluate(facts)
  } catch {
    return NO_KEY
  }
  if (typeof value !== 'string' || value === '') return NO_KEY
  if (pseudonyms !== undefined) return pseudonyms.keyPseudonym(value) ?? NO_KEY
  if (isSafeText(value, MAX_KEY_BYTES) && !value.startsWith('~')) return value
  // Too long for an id, or with characters that would break a log line: named by its hash.
  return `~${createHash('sha256').update(value).digest('base64url')}`
}
