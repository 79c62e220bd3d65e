import { type AgentOptions, message, type MessageHandler, type Reply } from 'node-spoe'
import type { Actors } from './actor/actors.ts'
import type { AuditSink } from './audit/audit.ts'
import type { DecisionCounters } from './counters.ts'
import type { Command } from './dispatch/command.ts'
import type { Dispatcher } from './dispatch/dispatcher.ts'
import { toCommand } from './event.ts'
import { type CHECK_ARGUMENTS, EvidenceReader } from './evidence.ts'
import type { Authenticator } from './identity/authenticator.ts'
import { type DenyReason, reasons } from './identity/reasons.ts'
import { decide, factsOf } from './rules/decide.ts'
import { type Decision, deny } from './rules/decision.ts'
import { canonicalHost, RequestView } from './rules/facts.ts'
import { canonicalPath } from './rules/path.ts'
import type { CompiledRule, RuleSet } from './rules/rule.ts'
import { evaluateVariable, type VariableValue, type Wording, writeDecision } from './rules/variables.ts'

export interface CheckOptions {
  readonly ruleSet: RuleSet
  readonly authenticator: Authenticator
  readonly dispatcher: Dispatcher
  readonly counters: DecisionCounters
  /** What events tell of callers. */
  readonly actors: Actors
  readonly wording: Wording
  /** Takes a record of each decision; undefined where nobody wants them. */
  readonly audit?: AuditSink | undefined
}

/**
 * The messages `check` and `check_body`: facts, identity, rules, variables, and behind the answer the event. Synchronous
 * but for the first sight of a credential.
 */
export function checkHandler(options: CheckOptions, withBody = false): MessageHandler<typeof CHECK_ARGUMENTS> {
  const reader = new EvidenceReader(options.authenticator.needs, withBody)
  return message({
    args: reader.args,
    handle(view, reply) {
      const started = performance.now()
      const evidence = reader.read(view)
      const path = canonicalPath(evidence.path)
      const host = canonicalHost(evidence.host)
      const request = new RequestView(
        evidence.requestId,
        evidence.method,
        host ?? '',
        path ?? '',
        evidence.query,
        evidence.source,
        evidence.tls,
      )
      if (path === undefined) {
        conclude(options, reply, request, refuse('ambiguous_path'), started)
        return undefined
      }
      if (host === undefined || (host === '' && options.ruleSet.tellsHostsApart)) {
        conclude(options, reply, request, refuse('ambiguous_host'), started)
        return undefined
      }
      const decision = decide(options.ruleSet, options.authenticator, request, evidence)
      if (decision instanceof Promise)
        return decision.then((later) => conclude(options, reply, request, later, started, true))
      conclude(options, reply, request, decision, started)
      return undefined
    },
  })
}

function conclude(
  options: CheckOptions,
  reply: Reply,
  request: RequestView,
  decision: Decision,
  started: number,
  waited = false,
): void {
  const durationS = (performance.now() - started) / 1000
  // The deadline has answered for us: HAProxy refused this request, so nothing may come of it.
  if (reply.settled) {
    record(options, request, refuse('timeout'), durationS, waited, undefined)
    return
  }
  options.counters.duration(durationS)
  // A caller whose identity failed was not served by the rule, so the rule's own effects do not happen.
  const { rule } = decision
  const effective = rule !== undefined && (decision.allow || decision.reason === 'policy_denied')
  const command = effective ? prepareEffects(rule, reply, request, decision, options.actors) : undefined
  writeDecision(reply, decision, options.wording)
  // An answer that does not fit becomes a refusal, which the fallback counts; nothing may come of that either.
  if (reply.overflows) return
  options.counters.decision(rule, decision.reason)
  record(options, request, decision, durationS, waited, command)
  if (command === undefined || options.dispatcher.dispatch(command)) return
  reply.unsetVar('txn', 'event_id')
  reply.unsetVar('txn', 'workflow_id')
}

function record(
  { audit }: CheckOptions,
  request: RequestView,
  decision: Decision,
  durationS: number,
  waited: boolean,
  command: Command | undefined,
): void {
  if (audit === undefined) return
  const cache = waited ? 'miss' : decision.identity === undefined ? undefined : 'hit'
  const effect = command && { kind: command.kind, eventId: command.event.id, workflowId: command.workflowId }
  audit.decision({ at: Date.now(), request, decision, cache, durationS, effect })
}

/** Sets the rule's variables; what is to happen behind the answer is only returned, because there may be no answer yet. */
function prepareEffects(
  rule: CompiledRule,
  reply: Reply,
  request: RequestView,
  { identity, reason }: Decision,
  actors: Actors,
): Command | undefined {
  if (rule.set.length === 0 && rule.workflow === undefined) return undefined
  const facts = factsOf(request, identity)
  const vars: Record<string, VariableValue> = {}
  for (const [name, expression] of rule.set) {
    const value = evaluateVariable(expression, facts)
    if (value === undefined) continue
    vars[name] = value
    reply.setVar('txn', name, value)
  }
  if (rule.workflow === undefined) return undefined
  const command = toCommand(rule.workflow, facts, identity, vars, { actors, failOpen: reason === 'fail_open' })
  reply.setVar('txn', 'event_id', command.event.id)
  reply.setVar('txn', 'workflow_id', command.workflowId)
  return command
}

const FALLBACK_REASONS = { deadline: 'timeout', error: 'internal_error', overload: 'overload' } as const

/** Both ask for a decision; the second one comes with the body. */
export const CHECK_MESSAGES: readonly string[] = ['check', 'check_body']

/** For an ACK that the decision could not fill: node-spoe calls it on overload, past the deadline, on an exception. */
export function checkFallback(
  counters: DecisionCounters,
  wording: Wording,
  deadlineMs: number,
): NonNullable<AgentOptions['fallback']> {
  return (reply, cause) => {
    // An outcome that nobody could take in says nothing about a request that was decided long before.
    if (!CHECK_MESSAGES.includes(reply.message)) return
    const decision = refuse(FALLBACK_REASONS[cause])
    counters.decision(undefined, decision.reason)
    // The slowest of all would otherwise be missing from the histogram.
    if (cause === 'deadline') counters.duration(deadlineMs / 1000)
    writeDecision(reply, decision, wording)
  }
}

function refuse(reason: DenyReason): Decision {
  return deny(reason, reasons[reason].status, undefined, undefined)
}
