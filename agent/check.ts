import { type AgentOptions, type ArgType, message, type MessageHandler, type Reply } from 'node-spoe'
import type { Actors } from './actor/actors.ts'
import type { AuditSink } from './audit/audit.ts'
import type { Budgets } from './budgets.ts'
import type { DecisionCounters } from './counters.ts'
import type { Command } from './dispatch/command.ts'
import type { Dispatcher, Ticket } from './dispatch/dispatcher.ts'
import { prepareEffects, withoutEvent } from './effects.ts'
import { EvidenceReader, type Question, requestNeeds } from './evidence.ts'
import type { Authenticator } from './identity/authenticator.ts'
import type { Evidence } from './identity/evidence.ts'
import { type DenyReason, reasons } from './identity/reasons.ts'
import { decide, type Trace } from './rules/decide.ts'
import { type Decision, deny } from './rules/decision.ts'
import { canonicalHost, RequestView } from './rules/facts.ts'
import { canonicalPath } from './rules/path.ts'
import type { Policy, RuleSet } from './rules/rule-set.ts'
import { type Wording, writeDecision } from './rules/variables.ts'
import type { Windows } from './windows/windows.ts'

export interface CheckOptions {
  readonly ruleSet: RuleSet
  readonly authenticator: Authenticator
  /** Without `dispatchStrict` no answer waits: tests of policies are synchronous. */
  readonly dispatcher: Pick<Dispatcher, 'dispatch' | 'leaveOut'> & Partial<Pick<Dispatcher, 'dispatchStrict'>>
  /** Milliseconds in which every request is answered. */
  readonly deadlineMs: number
  /** Where requests of rules with windows are counted, and what rules with budgets may spend. */
  readonly windows?: Pick<Windows, 'begin'> | undefined
  readonly budgets?: Pick<Budgets, 'share'> | undefined
  readonly counters: DecisionCounters
  /** What events tell of callers. */
  readonly actors: Actors
  readonly wording: Wording
  /** Takes a record of each decision; undefined where nobody wants them. */
  readonly audit?: AuditSink | undefined
  /** Follows each decision; `explain` gives it, the agent does not. */
  readonly trace?: Trace | undefined
  /** When a request came, in milliseconds since the epoch, where it is one of the past; undefined: now. */
  readonly clock?: (() => number) | undefined
}

/**
 * The messages `check`, `check_body` and `connect`: facts, identity, rules, variables, and behind the answer the event.
 * Synchronous but for the first sight of a credential.
 */
export function checkHandler(
  options: CheckOptions,
  question: Question = 'check',
): MessageHandler<Readonly<Record<string, ArgType>>> {
  const { authenticator, ruleSet } = options
  const needs = question === 'connect' ? ruleSet.connectionNeeds : ruleSet.needs
  const reader = new EvidenceReader(requestNeeds(authenticator.needs, needs), question)
  if (question === 'connect') return connectHandler(options, reader)
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
        evidence.headers,
        options.clock?.(),
      )
      const asked = { options, policy: ruleSet, reply, request, evidence, started }
      if (path === undefined) return conclude(asked, refuse('ambiguous_path'))
      if (host === undefined || (host === '' && ruleSet.tellsHostsApart)) {
        return conclude(asked, refuse('ambiguous_host'))
      }
      return judge(asked)
    },
  })
}

/** A client has connected: there is no request yet, and in TCP mode there never is one. */
function connectHandler(
  options: CheckOptions,
  reader: EvidenceReader,
): MessageHandler<Readonly<Record<string, ArgType>>> {
  const policy = options.ruleSet.connections
  return message({
    args: reader.args,
    handle(view, reply) {
      const started = performance.now()
      const evidence = reader.read(view)
      const { requestId, source, tls, headers } = evidence
      const request = new RequestView(requestId, '', '', '', '', source, tls, headers, options.clock?.())
      return judge({ options, policy, reply, request, evidence, started })
    },
  })
}

/** One question, and everything that its answer takes. */
interface Asked {
  readonly options: CheckOptions
  readonly policy: Policy
  readonly reply: Reply
  readonly request: RequestView
  readonly evidence: Evidence
  readonly started: number
}

function judge(asked: Asked): Promise<void> | undefined {
  const { options, policy, request, evidence } = asked
  const decision = decide(policy, options.authenticator, request, evidence, options.trace)
  if (decision instanceof Promise) return decision.then((later) => conclude(asked, later, true))
  return conclude(asked, decision)
}

function conclude(asked: Asked, decision: Decision, waited = false): Promise<void> | undefined {
  const { options, reply, request, started } = asked
  const durationS = (performance.now() - started) / 1000
  // The deadline has answered for us: HAProxy refused this request, so nothing may come of it.
  if (reply.settled) {
    record(options, request, refuse('timeout'), durationS, waited, undefined)
    return undefined
  }
  options.counters.duration(durationS)
  // A caller whose identity failed was not served by the rule, so the rule's own effects do not happen.
  const { rule } = decision
  const effective =
    rule !== undefined && (decision.allow || decision.reason === 'policy_denied' || decision.reason === 'redirected')
  const effect = effective ? prepareEffects(rule, asked, decision) : undefined
  const { dispatcher } = options
  if (effect?.kind === 'command' && effect.command.action.delivery === 'strict' && dispatcher.dispatchStrict) {
    return concludeStored(asked, decision, effect.command, dispatcher.dispatchStrict(effect.command), waited)
  }
  writeDecision(reply, decision, options.wording)
  // An answer that does not fit becomes a refusal, which the fallback counts; nothing may come of that either.
  if (reply.overflows) return undefined
  options.counters.decision(rule, decision.reason)
  const command = effect?.kind === 'command' ? effect.command : undefined
  record(options, request, decision, durationS, waited, command)
  if (rule === undefined || effect === undefined) return undefined
  if (effect.kind === 'left out') dispatcher.leaveOut(rule.name, 'sampledOut')
  else if (effect.kind === 'window') {
    if (effect.overBudget) dispatcher.leaveOut(rule.name, 'windowed')
    options.windows?.begin(rule.name, effect.key)
  } else if (!dispatcher.dispatch(effect.command)) withoutEvent(reply)
  return undefined
}

/** The answer waits until the event is on disk; when that takes too long the rule says what becomes of the request. */
async function concludeStored(
  asked: Asked,
  decision: Decision,
  command: Command,
  ticket: Ticket | undefined,
  waited: boolean,
): Promise<void> {
  const { options, reply, request, started } = asked
  try {
    const stored = ticket !== undefined && (await inTime(ticket.stored, started + options.deadlineMs * PATIENCE))
    const final = stored ? decision : unstored(decision)
    const durationS = (performance.now() - started) / 1000
    if (reply.settled) {
      record(options, request, refuse('timeout'), durationS, waited, undefined)
      return
    }
    if (!stored) withoutEvent(reply)
    writeDecision(reply, final, options.wording)
    if (reply.overflows) return
    options.counters.decision(final.rule, final.reason)
    record(options, request, final, durationS, waited, stored ? command : undefined)
    // Behind everything that can fail: whatever does, node-spoe refuses the request.
    if (stored) ticket.keep()
  } finally {
    // Once it was kept this changes nothing.
    ticket?.refuse()
  }
}

/** Share of the deadline that an event may take to the disk: the rest is for the answer. */
const PATIENCE = 0.8

/** Whether it came true before that moment of the monotonic clock. */
function inTime(stored: Promise<boolean>, until: number): Promise<boolean> {
  return new Promise((resolve) => {
    const late = setTimeout(() => resolve(false), Math.max(0, until - performance.now()))
    void stored.then((outcome) => {
      clearTimeout(late)
      resolve(outcome)
    })
  })
}

/** What becomes of a request whose event is not on disk in time. A refusal stays one. */
function unstored(decision: Decision): Decision {
  if (!decision.allow || decision.rule?.workflow?.onUnstored === 'allow') return decision
  return deny('event_not_stored', reasons.event_not_stored.status, decision.rule, decision.identity)
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
  const effect = command && { kind: command.action.kind, eventId: command.id, workflowId: command.workflowId }
  const keys = decision.identity?.keys
  const keyAgeS = keys && Math.floor(keys.ageS)
  const staleKeys = keys?.stale
  audit.decision({ at: Date.now(), request, decision, cache, keyAgeS, staleKeys, durationS, effect })
}

const FALLBACK_REASONS = { deadline: 'timeout', error: 'internal_error', overload: 'overload' } as const

/** Those that ask for a decision. */
export const CHECK_MESSAGES: readonly Question[] = ['check', 'check_body', 'connect']

/** For an ACK that the decision could not fill: node-spoe calls it on overload, past the deadline, on an exception. */
export function checkFallback(
  counters: DecisionCounters,
  wording: Wording,
  deadlineMs: number,
): NonNullable<AgentOptions['fallback']> {
  return (reply, cause) => {
    // An outcome that nobody could take in says nothing about a request that was decided long before.
    if (!(CHECK_MESSAGES as readonly string[]).includes(reply.message)) return
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
