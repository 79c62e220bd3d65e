import type { MessageHandler } from 'node-spoe'
import type { Actors } from '../actor/actors.ts'
import type { AuditDecision } from '../audit/decision.ts'
import { checkHandler } from '../check.ts'
import type { LoadedConfig } from '../config/load.ts'
import { DecisionCounters } from '../counters.ts'
import type { Command } from '../dispatch/command.ts'
import type { Question } from '../evidence.ts'
import type { Authenticator } from '../identity/authenticator.ts'
import { Limiters } from '../limits/limiters.ts'
import { compileRules } from '../rules/compile.ts'
import type { Trace } from '../rules/decide.ts'
import type { Decision } from '../rules/decision.ts'
import { RequestView } from '../rules/facts.ts'
import type { CompiledRule } from '../rules/rule.ts'
import type { RuleSet } from '../rules/rule-set.ts'
import type { Wording } from '../rules/variables.ts'
import { VerdictTable } from '../verdicts/verdict-table.ts'
import { type AskedRequest, viewOf } from './question.ts'
import { Recording, type Shown } from './recording.ts'

/** What the agent would answer, and do. */
export interface Answer {
  readonly decision: Decision
  /** As the rules saw it. */
  readonly request: RequestView
  /** By name, without `txn.temporal.`. */
  readonly variables: Readonly<Record<string, Shown>>
  readonly command: Command | undefined
  /** The event was made, and sampling leaves it out. */
  readonly sampledOut: boolean
  readonly shadows: readonly { readonly rule: CompiledRule; readonly decision: Decision }[]
  /** From the message to the decision, in microseconds, with all that had to be waited for. */
  readonly us: number
}

export interface EngineOptions {
  readonly authenticator: Authenticator
  readonly actors: Actors
  readonly wording: Wording
  readonly trace?: Trace | undefined
  /** Where limits keep their accounts; by default in a memory of its own. */
  readonly limiters?: Limiters
  /** Nothing waits for a disk, so that rules with `delivery: strict` are answered at once too. */
  readonly atOnce?: boolean
  /** What workflows have said; by default nothing. */
  readonly verdicts?: VerdictTable
}

/**
 * The decision path of the agent, from HAProxy's message to the variables of the answer, with nothing behind it: no
 * event leaves, no record is written. One request at a time.
 */
export class Engine {
  readonly ruleSet: RuleSet
  readonly #recording = new Recording()
  readonly #handlers = new Map<Question, MessageHandler<Record<string, never>>>()
  readonly #options: EngineOptions
  readonly #counters: DecisionCounters
  readonly #deadlineMs: number
  #at: number | undefined

  /** @throws {ConfigError} when the rules do not compile */
  constructor({ config, document }: LoadedConfig, options: EngineOptions) {
    this.#options = options
    this.#deadlineMs = config.spop.deadline
    this.ruleSet = compileRules(config, document, {
      limiters: options.limiters ?? new Limiters(),
      verdicts: options.verdicts ?? new VerdictTable(),
      onShadow: (rule, decision) => void this.#recording.shadows.push({ rule, decision }),
    })
    this.#counters = new DecisionCounters(this.ruleSet.rules)
  }

  /** Synchronous whenever the agent would be. */
  ask(request: AskedRequest, question: Question = 'check'): Answer | Promise<Answer> {
    const recording = this.#recording
    recording.reset()
    this.#at = request.at
    const pending = this.#handlerOf(question).handle(viewOf(request), recording.reply)
    return pending === undefined ? answerOf(recording) : pending.then(() => answerOf(recording))
  }

  #handlerOf(question: Question): MessageHandler<Record<string, never>> {
    let handler = this.#handlers.get(question)
    if (handler === undefined) {
      const { authenticator, actors, wording, trace } = this.#options
      const { audit, dispatcher: recording } = this.#recording
      const { dispatch, leaveOut } = recording
      const dispatcher = this.#options.atOnce === true ? { dispatch, leaveOut } : recording
      // RequestView takes what is undefined for "now".
      const clock = (): number => this.#at ?? Date.now()
      const counters = this.#counters
      const deadlineMs = this.#deadlineMs
      const { ruleSet } = this
      const check = { ruleSet, authenticator, dispatcher, deadlineMs, counters, actors, wording, audit, trace, clock }
      handler = checkHandler(check, question) as MessageHandler<Record<string, never>>
      this.#handlers.set(question, handler)
    }
    return handler
  }
}

function answerOf({ record, variables, command, leftOut, shadows }: Recording): Answer {
  if (record === undefined) throw new Error('the agent has decided nothing')
  return {
    decision: record.decision as Decision,
    request: requestOf(record),
    variables: Object.fromEntries(variables),
    command,
    sampledOut: leftOut !== undefined,
    shadows: [...shadows],
    us: record.durationS * 1e6,
  }
}

function requestOf({ request }: AuditDecision): RequestView {
  if (request instanceof RequestView) return request
  throw new TypeError('the record has no request')
}
