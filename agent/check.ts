import { randomUUID } from 'node:crypto'
import { type AgentOptions, message, type MessageHandler, type Reply } from 'node-spoe'
import type { DecisionCounters } from './counters.ts'
import type { Dispatcher } from './dispatch/dispatcher.ts'
import { toCommand } from './event.ts'
import type { Authenticator } from './identity/authenticator.ts'
import { type DenyReason, reasons } from './identity/reasons.ts'
import { decide, factsOf } from './rules/decide.ts'
import { type Decision, deny } from './rules/decision.ts'
import { canonicalHost, RequestView } from './rules/facts.ts'
import { canonicalPath } from './rules/path.ts'
import type { RuleSet } from './rules/rule.ts'
import { evaluateVariable, type VariableValue, writeDecision } from './rules/variables.ts'

/** Arguments of the `check` message in spoe.conf, by name. */
export const CHECK_ARGUMENTS = {
  id: 'string',
  method: 'string',
  host: 'string',
  path: 'string',
  query: 'string',
  src: 'ip',
  tls: 'bool',
  auth: 'string',
  auth_count: 'int',
} as const

export interface CheckOptions {
  readonly ruleSet: RuleSet
  readonly authenticator: Authenticator
  readonly dispatcher: Dispatcher
  readonly counters: DecisionCounters
  /** `realm` of challenges. */
  readonly realm: string
}

/**
 * The `check` message: facts, identity, rules, variables, and behind the answer the event. Synchronous but for the
 * first sight of a token.
 */
export function checkHandler(options: CheckOptions): MessageHandler<typeof CHECK_ARGUMENTS> {
  return message({
    args: CHECK_ARGUMENTS,
    handle(view, reply) {
      const started = performance.now()
      const path = canonicalPath(view.get('path') ?? '')
      const request = new RequestView(
        view.get('id') ?? fallbackId(),
        view.get('method') ?? '',
        canonicalHost(view.get('host') ?? ''),
        path ?? '',
        view.get('query') ?? '',
        view.get('src') ?? '',
        view.get('tls') ?? false,
      )
      if (path === undefined) {
        conclude(options, reply, request, refuse('ambiguous_path'), started)
        return undefined
      }
      const authorization = view.get('auth')
      const count = Number(view.get('auth_count') ?? (authorization === undefined ? 0 : 1))
      const decision = decide(options.ruleSet, options.authenticator, request, { authorization, count })
      if (decision instanceof Promise)
        return decision.then((later) => conclude(options, reply, request, later, started))
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
): void {
  // The deadline has answered for us: HAProxy refused this request, so nothing may come of it.
  if (reply.settled) return
  options.counters.decision(decision.rule, decision.reason)
  options.counters.duration((performance.now() - started) / 1000)
  writeDecision(reply, decision, options.realm)
  // A caller whose identity failed was not served by the rule, so the rule's own effects do not happen.
  if (decision.allow || decision.reason === 'policy_denied') applyEffects(options, reply, request, decision)
}

function applyEffects(options: CheckOptions, reply: Reply, request: RequestView, decision: Decision): void {
  const { rule } = decision
  if (rule === undefined || (rule.set.length === 0 && rule.workflow === undefined)) return
  const facts = factsOf(request, decision.identity)
  const vars: Record<string, VariableValue> = {}
  for (const [name, expression] of rule.set) {
    const value = evaluateVariable(expression, facts)
    if (value === undefined) continue
    vars[name] = value
    reply.setVar('txn', name, value)
  }
  if (rule.workflow === undefined) return
  const command = toCommand(rule.workflow, facts, decision.identity, vars)
  if (!options.dispatcher.dispatch(command)) return
  reply.setVar('txn', 'event_id', command.event.id)
  reply.setVar('txn', 'workflow_id', command.workflowId)
}

const FALLBACK_REASONS = { deadline: 'timeout', error: 'internal_error', overload: 'overload' } as const

/** For an ACK that the decision could not fill: node-spoe calls it on overload, past the deadline, on an exception. */
export function checkFallback(counters: DecisionCounters, realm: string): NonNullable<AgentOptions['fallback']> {
  return (reply, cause) => {
    const decision = refuse(FALLBACK_REASONS[cause])
    counters.decision(undefined, decision.reason)
    writeDecision(reply, decision, realm)
  }
}

function refuse(reason: DenyReason): Decision {
  return deny(reason, reasons[reason].status, undefined, undefined)
}

/** For a HAProxy without `unique-id-format`; time first, as the outbox likes its keys. */
function fallbackId(): string {
  return `${Math.floor(Date.now() / 1000)
    .toString(16)
    .toUpperCase()}-${randomUUID()}`
}
