import { Actors } from './actor/actors.ts'
import type { Command } from './dispatch/command.ts'
import type { LeftOut } from './dispatch/dispatcher.ts'
import { spread } from './dispatch/shape/spread.ts'
import { callOptions, plainValues } from './event-call.ts'
import { entityKey, eventKey, givenId, meantId, NO_KEY } from './event-key.ts'
import type { Identity } from './identity/identity.ts'
import type { EdgeEvent, MeterRecord } from './messages.ts'
import type { Facts } from './rules/cel.ts'
import type { CompiledWorkflow } from './rules/rule.ts'
import { plainVariable, type VariableValue } from './rules/variables.ts'

export { NO_KEY } from './event-key.ts'

/** What the configuration and the decision say about the caller of an event. */
export interface EventContext {
  readonly actors: Actors
  /** The identity could not be checked, and the rule let the request through. */
  readonly failOpen: boolean
}

/** Everything of the caller in plain text: what agent.yaml has without `actor`. */
const PLAIN: EventContext = { actors: new Actors(), failOpen: false }

/**
 * What a matched request asks of Temporal. All ids come from the rule's name and HAProxy's unique-id, or from what the
 * rule computes instead, so the same request always makes the same command.
 *
 * @param workflow of any kind but `window`, whose requests count when they are answered: see {@link windowKey}
 * @param id its event id, where that is known already
 */
export function toCommand(
  workflow: CompiledWorkflow,
  facts: Facts,
  identity: Identity | undefined,
  vars: Readonly<Record<string, VariableValue>>,
  context: EventContext = PLAIN,
  id = eventId(workflow, facts, context.actors),
): Command {
  const { action, call } = workflow
  const { actors } = context
  const pseudonyms = pseudonymsOf(workflow, actors)
  const at = Date.now()
  // As far as workflows may see him: ids and fairness keys are for everybody to read.
  const caller = identity === undefined ? undefined : actors.callerOf(identity)
  const { workflowId, key } = targetOf(workflow, facts, pseudonyms, id)
  return {
    action,
    id,
    at,
    workflowId,
    key,
    tenant: caller?.tenant ?? '',
    body:
      action.kind === 'meter'
        ? recordOf(id, at, facts, caller?.subject)
        : eventOf(workflow, facts, identity, vars, context, id, at),
    ...(call !== undefined && { call: callOptions(call, action, workflowId, facts, pseudonyms) }),
  }
}

/** The id of the event that a request makes. */
export function eventId(workflow: CompiledWorkflow, facts: Facts, actors: Actors = PLAIN.actors): string {
  return `${workflow.action.rule}/${eventKey(workflow, facts, pseudonymsOf(workflow, actors))}`
}

/** The key under which a request counts in the windows of its rule, or in those of its budget. */
export function windowKey(
  { keyAs, keyExpression }: Pick<CompiledWorkflow, 'keyAs' | 'keyExpression'>,
  facts: Facts,
  actors: Actors = PLAIN.actors,
): string {
  return keyExpression === undefined ? NO_KEY : entityKey(keyExpression, facts, pseudonymsOf({ keyAs }, actors))
}

/**
 * Whether there is to be an event, by its id: one that is told of twice is made twice, or never.
 *
 * @param share of the events that a budget leaves; 1 without one
 */
export function fateOf({ sample, overBudget }: CompiledWorkflow, id: string, share = 1): 'made' | LeftOut {
  const kept = Math.min(sample, share)
  if (kept >= 1) return 'made'
  const place = spread(id) / 2 ** 32
  if (place < kept) return 'made'
  // What the sample leaves out is not wanted, whatever it would cost.
  return overBudget === undefined || place >= sample ? 'sampledOut' : 'windowed'
}

function pseudonymsOf({ keyAs }: Pick<CompiledWorkflow, 'keyAs'>, actors: Actors): Actors | undefined {
  return keyAs === 'pseudonym' ? actors : undefined
}

/** Which workflow the event is for, and the entity key that it goes under. */
function targetOf(
  { action: { kind, rule, workflowType }, keyExpression, idExpression, shards }: CompiledWorkflow,
  facts: Facts,
  pseudonyms: Actors | undefined,
  eventId: string,
): { workflowId: string; key: string } {
  if (workflowType === '' && idExpression !== undefined) return { workflowId: meantId(idExpression, facts), key: '' }
  const key = keyExpression === undefined ? '' : entityKey(keyExpression, facts, pseudonyms)
  if (idExpression !== undefined) {
    const workflowId = givenId(idExpression, facts, rule, kind === 'start' ? eventId : `${rule}/${key || NO_KEY}`)
    // An entity that only its id names has that as its key.
    return { workflowId, key: kind === 'signal' && key === '' ? workflowId : key }
  }
  if (kind === 'start') return { workflowId: eventId, key }
  const workflowId = `${rule}/${key}`
  return { workflowId: shards === 1 ? workflowId : `${workflowId}/${spread(eventId) % shards}`, key }
}

function recordOf(id: string, at: number, { request }: Facts, subject: string | undefined): MeterRecord {
  const { method, path } = request
  return subject === undefined ? { id, at, method, path } : { id, at, method, path, subject }
}

function eventOf(
  workflow: CompiledWorkflow,
  facts: Facts,
  identity: Identity | undefined,
  vars: Readonly<Record<string, VariableValue>>,
  { actors, failOpen }: EventContext,
  id: string,
  at: number,
): EdgeEvent {
  const { request } = facts
  const { rule } = workflow.action
  return {
    id,
    type: workflow.type,
    rule,
    at,
    request: {
      id: request.id,
      method: request.method,
      host: request.host,
      path: request.path,
      query: workflow.query ? request.query : '',
      source: request.source,
    },
    actor: actors.actorOf(identity, { requestId: request.id, rule, failOpen }),
    vars: Object.fromEntries(Object.entries(vars).map(([name, value]) => [name, plainVariable(value)])),
    ...(workflow.data.length > 0 && { data: plainValues(workflow.data, facts) }),
  }
}
