import type { Reply } from 'node-spoe'
import type { Actors } from './actor/actors.ts'
import type { Budgets } from './budgets.ts'
import type { Command } from './dispatch/command.ts'
import { eventId, fateOf, toCommand, windowKey } from './event.ts'
import type { Evidence } from './identity/evidence.ts'
import type { Decision } from './rules/decision.ts'
import type { RequestView } from './rules/facts.ts'
import { connectionOf, factsOf } from './rules/rule-facts.ts'
import type { CompiledRule } from './rules/rule.ts'
import type { Policy } from './rules/rule-set.ts'
import { evaluateVariable, type VariableValue, writeVariable } from './rules/variables.ts'

/** What is to happen behind the answer. */
export type Effect =
  | { readonly kind: 'command'; readonly command: Command }
  /** Sampling or a budget leaves the event out. */
  | { readonly kind: 'left out' }
  /** The request counts in a window once it is answered. `overBudget`: instead of its event. */
  | { readonly kind: 'window'; readonly key: string; readonly overBudget: boolean }

export interface EffectContext {
  readonly options: { readonly actors: Actors; readonly budgets?: Pick<Budgets, 'share'> | undefined }
  readonly policy: Policy
  readonly reply: Reply
  readonly request: RequestView
  readonly evidence: Evidence
}

const LEFT_OUT: Effect = { kind: 'left out' }

/** Sets the rule's variables; what is to happen behind the answer is only returned, because there may be no answer yet. */
export function prepareEffects(
  rule: CompiledRule,
  { options: { actors, budgets }, policy, reply, request, evidence }: EffectContext,
  { identity, reason, allow }: Decision,
): Effect | undefined {
  const { workflow } = rule
  if (rule.set.length === 0 && workflow === undefined) return undefined
  const facts = factsOf(rule, policy, request, connectionOf(evidence), identity)
  const vars: Record<string, VariableValue> = {}
  for (const [name, expression] of rule.set) {
    const value = evaluateVariable(expression, facts)
    if (value === undefined) continue
    vars[name] = value
    writeVariable(reply, name, value)
  }
  if (workflow === undefined) return undefined
  if (workflow.action.kind === 'window') {
    // Whoever is refused has no outcome that would say anything of the servers.
    if (!allow) return undefined
    const key = windowKey(workflow, facts, actors)
    askForOutcome(reply, key)
    return { kind: 'window', key, overBudget: false }
  }
  // Before anything is made of it: under a budget most requests may have no event.
  const id = eventId(workflow, facts, actors)
  const fate = fateOf(workflow, id, budgets?.share(rule.name))
  if (fate === 'sampledOut') return LEFT_OUT
  if (fate === 'windowed') {
    const key = windowKey({ keyAs: workflow.keyAs, keyExpression: workflow.overBudget?.keyExpression }, facts, actors)
    // Whoever is refused has no outcome, nor has a connection, but an event as others have: it counts as one that has begun.
    if (allow && rule.on === 'request') askForOutcome(reply, key)
    return { kind: 'window', key, overBudget: true }
  }
  const command = toCommand(workflow, facts, identity, vars, { actors, failOpen: reason === 'fail_open' }, id)
  reply.setVar('txn', 'event_id', command.id)
  reply.setVar('txn', 'workflow_id', command.workflowId)
  return { kind: 'command', command }
}

/** HAProxy hands both back with what became of the request. */
function askForOutcome(reply: Reply, key: string): void {
  reply.setVar('txn', 'wkey', key)
  reply.setVar('txn', 'at', BigInt(Date.now()))
}

/** Takes back what the answer says of an event that there is none of. */
export function withoutEvent(reply: Reply): void {
  reply.unsetVar('txn', 'event_id')
  reply.unsetVar('txn', 'workflow_id')
}
