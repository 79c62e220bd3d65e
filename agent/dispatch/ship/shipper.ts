import { classifyError, classifyResponse, type Rpc, type Verdict } from '../classify.ts'
import { type Counters, GLOBAL } from '../counters.ts'
import type { Parcel } from '../parcel.ts'
import type { Log } from '../protocol.ts'
import type { TemporalCalls } from '../temporal/calls.ts'
import type { ShipAction } from './action.ts'
import { type Answer, type Attempt, begin, rpcOf } from './attempt.ts'
import { billedActions, countBilled } from './billed.ts'
import type { Caller } from './caller.ts'
import { chainOf, needsChain } from './chain.ts'
import { ConcurrencyLimit } from './concurrency.ts'
import { Denials } from './denials.ts'
import { Gate, type PAUSES } from './gate.ts'
import { Histories } from './histories.ts'
import type { Job } from './job.ts'
import { MissingAttributes } from './missing-attributes.ts'
import type { Outcomes } from './outcomes.ts'
import { Pace } from './pace.ts'
import { EncodeError } from './payloads.ts'
import { ShipQueue } from './queue.ts'
import { Reactions, type Waits } from './reactions.ts'
import type { Condition } from './reporter.ts'

export interface ShipperParts {
  readonly namespace: string
  readonly calls: TemporalCalls
  readonly caller: Caller
  readonly counters: Counters
  readonly outcomes: Outcomes
  readonly log: Log
  readonly pauses?: typeof PAUSES | undefined
  readonly waits?: Waits | undefined
  /** Whether what waits of a rule is to be given back. */
  readonly isPaused: (rule: string) => boolean
  /** Told when it is the server that is overloaded, and with it all namespaces. */
  readonly overloaded: (now: number) => void
  /** Told after each attempt how the namespace takes calls, if that is known, and why the attempt failed, if it did. */
  readonly observe: (condition: Condition | undefined, reason: string | undefined) => void
  /** Told of a rule whose calls are refused while those of others are taken. */
  readonly denied: (rule: string, rpc: Rpc, reason: string) => void
  /** Told when that is over: its calls are taken, or nothing of it waits any more. */
  readonly allowed: (rule: string, isTaken: boolean) => void
}

/** Only a worker shortens a history. */
const HISTORY_FULL: Verdict = {
  kind: 'retry',
  scope: 'key',
  cause: 'busy',
  reason: 'HISTORY_FULL: the history of the workflow is long, and waits for its worker',
}

/**
 * Makes the calls of one namespace: as many at once and as fast as it takes them, each job with its own back-off, all held
 * back together while it takes none. Namespaces know nothing of each other: what one is refused is not refused to others.
 */
export class Shipper {
  readonly #parts: ShipperParts
  readonly #queue = new ShipQueue()
  readonly #gate: Gate
  readonly #pace = new Pace()
  readonly #limit = new ConcurrencyLimit()
  readonly #denials: Denials
  readonly #missing: MissingAttributes
  readonly #reactions: Reactions
  readonly #histories = new Histories()
  #inFlight = 0
  #stopped = false
  #timer: NodeJS.Timeout | undefined
  #timerDue = 0
  readonly #wake = (): void => {
    this.#timer = undefined
    this.pump()
  }

  constructor(parts: ShipperParts) {
    this.#parts = parts
    this.#gate = new Gate(parts.pauses)
    this.#missing = new MissingAttributes(parts.namespace, parts.log)
    const { outcomes, waits, pauses, isPaused, overloaded, denied, allowed } = parts
    const [queue, gate, pace, limit] = [this.#queue, this.#gate, this.#pace, this.#limit]
    const denials = (this.#denials = new Denials({ queue, gate, pause: pauses?.parked, isPaused, denied, allowed }))
    this.#reactions = new Reactions({ queue, gate, denials, pace, limit, outcomes, waits, isPaused, overloaded })
  }

  get inFlight(): number {
    return this.#inFlight
  }

  /** Calls that may be in flight. */
  get concurrency(): number {
    return this.#limit.current
  }

  /** Whether Temporal takes calls, as far as is known; an overload is over in seconds. */
  get isFlowing(): boolean {
    const { cause } = this.#gate
    return cause !== 'unavailable' && cause !== 'parked'
  }

  /** Takes a parcel in; `pump` sends it. */
  push(parcel: Parcel, action: ShipAction, now: number): void {
    this.#queue.push(parcel, action, now)
  }

  /** From now on batches go out at once. */
  hurry(now: number): void {
    this.#queue.hurry(now)
    this.pump()
  }

  /** Gives back what waits of rules that are paused. */
  recall(now: number): Parcel[] {
    this.#denials.release()
    return this.#queue.recall(this.#parts.isPaused, now)
  }

  /** Holds calls back for a moment, as the server is overloaded. */
  rest(now: number): void {
    this.#gate.pause('overloaded', now)
  }

  /** Starts whatever may start now, and wakes itself for the rest. */
  pump(): void {
    if (this.#stopped) return
    for (;;) {
      const now = performance.now()
      if (this.#inFlight >= this.#gate.limit(now, this.#limit.current) || this.#pace.wait(now) > 0) break
      const job = this.#denials.next(now)
      if (job === undefined) break
      if (!this.#reactions.isTooOld(job, now)) this.#run(job, now)
    }
    this.#wakeLater()
  }

  /** Starts no more calls. Calls in flight are given up: their outcome is unknown. */
  stop(): void {
    this.#stopped = true
    clearTimeout(this.#timer)
  }

  #run(job: Job, now: number): void {
    this.#inFlight++
    if (this.#denials.size > 0) this.#denials.began(job)
    if (needsChain(job)) void this.#lookUp(job, now)
    else if (this.#histories.isDue(job)) void this.#look(job, now)
    else this.#call(job, now)
  }

  /** First sees whether the workflow can take any more. */
  async #look(job: Job, startedAt: number): Promise<void> {
    const { namespace, calls } = this.#parts
    const isFull = await this.#histories.look(job, namespace, calls)
    if (this.#stopped) return
    const now = performance.now()
    if (!isFull) return this.#call(job, now)
    const rpc = 'signalWithStart'
    this.#end({ job, rpc, startedAt, searchAttributes: undefined, onlyLooked: true }, HISTORY_FULL, now)
  }

  /** First sees which workflow it is that the job ends. */
  async #lookUp(job: Job, startedAt: number): Promise<void> {
    const { namespace, calls } = this.#parts
    try {
      job.chain = await chainOf(job, namespace, calls)
    } catch (error) {
      const rpc = job.action.kind === 'cancel' ? 'cancel' : 'terminate'
      return this.#failed({ job, rpc, startedAt, searchAttributes: undefined, onlyLooked: true }, error)
    }
    if (!this.#stopped) this.#call(job, performance.now())
  }

  #call(job: Job, now: number): void {
    const { caller, calls, counters } = this.#parts
    this.#pace.sent()
    try {
      const { attempt, answer } = begin(job, caller, calls, this.#missing, now)
      counters.addGlobal(GLOBAL.calls)
      answer.then(
        (response) => this.#answered(attempt, response),
        (error: unknown) => this.#failed(attempt, error),
      )
    } catch (error) {
      // Later, as if Temporal had said it: the loop that started this call goes on with the next.
      const rpc = error instanceof EncodeError ? rpcOf(job) : 'start'
      const attempt: Attempt = { job, rpc, startedAt: now, searchAttributes: undefined }
      queueMicrotask(() => this.#failed(attempt, error))
    }
  }

  #answered(attempt: Attempt, answer: Answer): void {
    if (this.#stopped) return
    const now = performance.now()
    const { job, rpc, startedAt } = attempt
    const { counters } = this.#parts
    const verdict = classifyResponse(rpc, answer)
    this.#limit.answered(job.action.kind, startedAt, now, this.#inFlight)
    this.#pace.taken(now)
    const actions = billedActions(rpc, verdict, answer)
    if (actions > 0) countBilled(counters, job.action, actions)
    if (job.unindexed) counters.addGlobal(GLOBAL.unindexed)
    this.#end(attempt, verdict, now)
  }

  #failed(attempt: Attempt, error: unknown): void {
    if (this.#stopped) return
    const now = performance.now()
    const { job, rpc, searchAttributes } = attempt
    const refused = searchAttributes && this.#missing.judge(error, searchAttributes, now)
    if (refused === undefined) {
      this.#end(attempt, verdictOf(error, rpc), now)
      return
    }
    this.#inFlight--
    job.withoutAttributes = refused === 'unfit'
    this.#reactions.without(attempt, now)
    this.pump()
  }

  #end(attempt: Attempt, verdict: Verdict, now: number): void {
    this.#inFlight--
    attempt.job.attempts++
    const reason = 'reason' in verdict ? verdict.reason : undefined
    if (reason !== undefined) attempt.job.lastReason = reason
    this.#reactions.apply(attempt, verdict, now)
    this.#parts.observe(this.#condition(verdict), reason)
    this.pump()
  }

  /** How the namespace takes calls; undefined when the attempt does not tell. */
  #condition(verdict: Verdict): Condition | undefined {
    if (this.#gate.cause !== undefined) return this.#gate.cause
    const silent =
      (verdict.kind === 'retry' && verdict.cause === 'timeout') ||
      (verdict.kind === 'dead-letter' && verdict.unsent === true) ||
      (verdict.kind === 'park' && verdict.scope === 'namespace')
    if (silent) return undefined
    return this.#pace.isLimited ? 'slowed' : 'connected'
  }

  #wakeLater(): void {
    let wake = this.#queue.nextWake()
    if (this.#denials.size > 0) wake = Math.min(wake ?? Infinity, this.#denials.nextDue() ?? Infinity)
    if (wake === undefined || wake === Infinity) return
    const now = performance.now()
    const due = Math.max(wake, this.#gate.until, now + this.#pace.wait(now))
    // Due, yet not started: all places are taken, and whichever call ends first looks again.
    if (due <= now && this.#inFlight > 0) return
    // Too early a look costs little, and a timer for each call much.
    if (this.#timer !== undefined && this.#timerDue <= due) return
    clearTimeout(this.#timer)
    this.#timerDue = due
    this.#timer = setTimeout(this.#wake, Math.max(1, due - now))
  }
}

function verdictOf(error: unknown, rpc: Attempt['rpc']): Verdict {
  // Nothing is wrong with the event: an operator must mend the keys.
  if (error instanceof EncodeError) return { kind: 'park', scope: 'namespace', reason: `unencodable: ${error.message}` }
  return classifyError(error, rpc)
}
