import { backoff } from '../backoff.ts'
import type { RetryCause, Verdict } from '../classify.ts'
import type { Parcel } from '../parcel.ts'
import type { Attempt } from './attempt.ts'
import type { Denials } from './denials.ts'
import type { ConcurrencyLimit } from './concurrency.ts'
import type { Gate } from './gate.ts'
import { Job } from './job.ts'
import type { Outcomes } from './outcomes.ts'
import type { Pace } from './pace.ts'
import type { ShipQueue } from './queue.ts'

/** Milliseconds: first and longest wait of one job, by what happened to it. */
export const WAITS = {
  failed: [100, 30_000],
  timeout: [100, 30_000],
  // A workflow id takes one execution per second.
  busy: [500, 5_000],
  // The limit has been lowered already: only the others must be let go first.
  crowded: [50, 2_000],
  parked: [1_000, 30_000],
} as const satisfies Record<string, readonly [base: number, cap: number]>
export type Waits = { readonly [K in keyof typeof WAITS]: readonly [base: number, cap: number] }

/**
 * Attempts after which a job that meets a server which takes nothing no longer goes first: it may be the job that breaks
 * the connection, and must not keep the others from finding out that the server is well.
 */
const FIRST_IN_LINE_ATTEMPTS = 5

export interface ReactionParts {
  readonly queue: ShipQueue
  readonly gate: Gate
  readonly denials: Denials
  readonly pace: Pace
  readonly limit: ConcurrencyLimit
  readonly outcomes: Outcomes
  readonly waits?: Waits | undefined
  /** Whether what waits of a rule is to be given back. */
  readonly isPaused: (rule: string) => boolean
  /** Told when it is the server that is overloaded, and with it all namespaces. */
  readonly overloaded: (now: number) => void
}

/** What follows from an attempt: for its job, and for all calls of the namespace. */
export class Reactions {
  readonly #parts: ReactionParts
  readonly #queue: ShipQueue
  readonly #gate: Gate
  readonly #limit: ConcurrencyLimit
  readonly #outcomes: Outcomes
  readonly #waits: Waits

  constructor(parts: ReactionParts) {
    const { queue, gate, limit, outcomes, waits = WAITS } = parts
    this.#parts = parts
    this.#queue = queue
    this.#gate = gate
    this.#limit = limit
    this.#outcomes = outcomes
    this.#waits = waits
  }

  /** Draws the conclusions of an attempt. */
  apply(attempt: Attempt, verdict: Verdict, now: number): void {
    const { job, startedAt } = attempt
    const { denials } = this.#parts
    const mayBeRefused = verdict.kind === 'park' || denials.size > 0
    if (mayBeRefused && denials.heard(attempt, verdict, now)) return
    switch (verdict.kind) {
      case 'delivered':
      case 'deduplicated':
        this.#gate.answered(startedAt)
        this.#queue.done(job, now)
        this.#outcomes.settled(job.parcels, verdict.kind)
        return
      case 'dead-letter':
        if (verdict.unsent !== true) this.#gate.answered(startedAt)
        this.#bury(job, verdict.reason, now)
        return
      case 'no-workflow':
        this.#gate.answered(startedAt)
        if (job.action.starts) {
          job.noWorkflow = true
          this.putBack(job, now)
        } else this.#bury(job, `NO_WORKFLOW: ${verdict.reason}`, now)
        return
      case 'park':
        if (verdict.scope === 'call') this.#gate.answered(startedAt)
        this.#delay(job, 'parked', now)
        return
      case 'retry':
        this.#retry(job, startedAt, verdict.cause, verdict.scope, now)
    }
  }

  /** The call was refused for something that the job goes without from now on. */
  without(attempt: Attempt, now: number): void {
    const { job, startedAt } = attempt
    const { denials } = this.#parts
    this.#gate.answered(startedAt)
    if (denials.size > 0) denials.taken(attempt, now)
    this.putBack(job, now)
  }

  /**
   * Whether events of the job have had their time and an attempt, of their own or of their rule. The rest of a batch goes on
   * without them.
   */
  isTooOld(job: Job, now: number): boolean {
    const { maxAgeMs } = job.action
    if (maxAgeMs === undefined || job.lastReason === '') return false
    const oldest = Date.now() - maxAgeMs
    const old = job.parcels.filter(({ at }) => at < oldest)
    if (old.length === 0) return false
    this.#outcomes.dead(old, `TOO_OLD: ${job.lastReason}`, job.attempts)
    const young = job.parcels.filter(({ at }) => at >= oldest)
    if (young.length === 0) this.#queue.done(job, now)
    else this.#queue.replace(job, [part(job, young)])
    return true
  }

  /** Nothing is wrong with the job: it is the next one. */
  putBack(job: Job, now: number): void {
    this.#again(job, () => this.#queue.putBack(job), now)
  }

  #retry(job: Job, startedAt: number, cause: RetryCause, scope: string, now: number): void {
    switch (cause) {
      case 'unavailable':
        this.#gate.pause('unavailable', now)
        this.#first(job, now)
        return
      case 'overloaded':
        if (scope === 'server') this.#parts.overloaded(now)
        else this.#gate.pause('overloaded', now)
        this.#limit.refused(startedAt, now)
        this.#first(job, now)
        return
      case 'slower':
        this.#gate.answered(startedAt)
        this.#parts.pace.refused(startedAt, now)
        this.#first(job, now)
        return
      case 'timeout':
        this.#limit.lost(now)
        if (this.#gate.timedOut()) this.#gate.pause('unavailable', now)
        this.#delay(job, 'timeout', now)
        return
      case 'crowded':
        this.#limit.refused(startedAt, now)
        this.#gate.answered(startedAt)
        this.#delay(job, 'crowded', now)
        return
      case 'busy':
      case 'failed':
        this.#gate.answered(startedAt)
        this.#delay(job, cause, now)
    }
  }

  /** A batch is cut in halves until the chunk that the server refuses is alone: it must not take the others along. */
  #bury(job: Job, reason: string, now: number): void {
    const { parcels } = job
    if (parcels.length === 1) {
      this.#queue.done(job, now)
      this.#outcomes.dead(parcels, reason, job.attempts)
      return
    }
    const half = parcels.length >> 1
    const parts = [part(job, parcels.slice(0, half)), part(job, parcels.slice(half))]
    this.#again(job, () => this.#queue.replace(job, parts), now)
  }

  /** The job goes first, as nothing is wrong with it; unless it has done so often. */
  #first(job: Job, now: number): void {
    if (job.attempts < FIRST_IN_LINE_ATTEMPTS) this.putBack(job, now)
    else this.#delay(job, 'failed', now)
  }

  #delay(job: Job, cause: keyof Waits, now: number): void {
    const [base, cap] = this.#waits[cause]
    this.#again(job, () => this.#queue.delay(job, now + backoff(job.attempts, base, cap)), now)
  }

  /** The job is to wait, or to be given back if its rule was paused meanwhile. */
  #again(job: Job, wait: () => void, now: number): void {
    if (!this.#parts.isPaused(job.action.rule)) {
      wait()
      return
    }
    this.#queue.done(job, now)
    this.#outcomes.recalled(job.parcels)
  }
}

/** Some of the parcels of a job, which go on where it was. */
function part(job: Job, parcels: readonly Parcel[]): Job {
  const some = new Job(job.action, parcels, job.lane)
  some.attempts = job.attempts
  some.lastReason = job.lastReason
  return some
}
