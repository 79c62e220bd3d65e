import { backoff } from '../backoff.ts'
import type { Rpc, Verdict } from '../classify.ts'
import type { Attempt } from './attempt.ts'
import { Denial } from './denial.ts'
import { type Gate, PAUSES } from './gate.ts'
import type { Job } from './job.ts'
import type { ShipQueue } from './queue.ts'

export interface DenialParts {
  readonly queue: ShipQueue
  readonly gate: Gate
  readonly pause?: (typeof PAUSES)['parked'] | undefined
  /** Whether what waits of a rule is to be given back. */
  readonly isPaused: (rule: string) => boolean
  /** Told of a rule that is refused while others are taken. */
  readonly denied: (rule: string, rpc: Rpc, reason: string) => void
  /** Told when that is over, or when nothing of the rule waits any more. */
  readonly allowed: (rule: string, isTaken: boolean) => void
}

/**
 * Refusals that an operator must mend: a right that is missing, a call that the server does not know, a namespace that is
 * not there. Whether they are about the agent or about one kind of call nobody says, so a refusal holds back the rule of
 * its event alone, and one call after the other tries again, ever more rarely. A rule that was not refused goes on. When
 * one rule is refused again, or a second one is, and no call was taken meanwhile, then it is the namespace that refuses:
 * one call at a time from then on, of a rule that was not refused at once, of others after a pause of the gate. The first
 * call that is taken opens the gate, and what is refused from then on is refused to its rule.
 */
export class Denials {
  readonly #parts: DenialParts
  readonly #byRule = new Map<string, Denial>()

  constructor(parts: DenialParts) {
    this.#parts = parts
  }

  /** Rules that are refused. */
  get size(): number {
    return this.#byRule.size
  }

  /** The next job to run: one of a rule that is refused only when it may try. The caller ends it as one of the queue. */
  next(now: number): Job | undefined {
    const { queue, gate } = this.#parts
    if (this.#byRule.size === 0) return queue.next(now)
    // While calls flow the queue may never be empty, and while they do not, what is not refused finds out first.
    const flows = gate.cause === undefined
    return (flows ? this.#due(now) : undefined) ?? this.#ready(now) ?? (flows ? undefined : this.#due(now))
  }

  /** When a rule that is refused may try; undefined when none waits for that. */
  nextDue(): number | undefined {
    const { gate } = this.#parts
    let next: number | undefined
    for (const { probe, size, until } of this.#byRule.values()) {
      if (probe === undefined && size > 0 && (next === undefined || until < next)) next = until
    }
    return next === undefined ? undefined : Math.max(next, gate.probeAt)
  }

  /** A call of the job begins. */
  began(job: Job): void {
    const denial = this.#byRule.get(job.action.rule)
    if (denial !== undefined) denial.probe = job
  }

  /** Draws the conclusions of an attempt. Returns whether it was refused and its job is kept here. */
  heard(attempt: Attempt, verdict: Verdict, now: number): boolean {
    if (isTaken(attempt, verdict)) {
      this.taken(attempt, now)
      return false
    }
    const denial = this.#byRule.get(attempt.job.action.rule)
    const isProbe = denial?.probe === attempt.job
    if (isProbe) denial.probe = undefined
    return isRefusal(verdict) && this.#refused(attempt, denial, isProbe, verdict.reason, now)
  }

  /** A call was let through, whatever came of it. */
  taken({ job, startedAt }: Attempt, now: number): void {
    const own = this.#byRule.get(job.action.rule)
    if (own?.probe === job) this.#end(own)
    for (const denial of this.#byRule.values()) {
      if (denial.isScoped || startedAt < denial.since) continue
      denial.isScoped = true
      // It may have been refused with all others, and be well again with them.
      denial.until = now
    }
  }

  /** Gives what waits of rules that are paused back to the queue. */
  release(): void {
    const { queue, isPaused } = this.#parts
    for (const denial of this.#byRule.values()) {
      if (!isPaused(denial.rule)) continue
      queue.unpark(denial.takeAll())
      if (denial.probe === undefined) this.#forget(denial)
    }
  }

  /** The next job of the queue whose rule is not refused. One after a first refusal tells whether it was for that alone. */
  #ready(now: number): Job | undefined {
    const { queue, gate } = this.#parts
    for (let job = queue.next(now); job !== undefined; job = queue.next(now)) {
      const denial = this.#byRule.get(job.action.rule)
      if (denial === undefined) return job
      if (denial.failures === 1 && denial.probe === undefined && gate.cause !== 'parked') return job
      queue.park(job)
      denial.hold(job)
    }
    return undefined
  }

  /** A job of the rule that may try: of those that may, the one that waits for that longest. */
  #due(now: number): Job | undefined {
    const { queue, gate } = this.#parts
    let best: Denial | undefined
    for (const denial of this.#byRule.values()) {
      if (denial.probe !== undefined) continue
      if (denial.size === 0) this.#forget(denial)
      else if (denial.until <= now && (best === undefined || goesBefore(denial, best))) best = denial
    }
    if (best === undefined || now < gate.probeAt) return undefined
    const job = best.take(Date.now())
    if (job !== undefined) queue.unparkRunning(job)
    return job
  }

  #refused({ job, rpc }: Attempt, known: Denial | undefined, isProbe: boolean, reason: string, now: number): boolean {
    const { queue, gate, pause = PAUSES.parked, isPaused, denied } = this.#parts
    const { rule } = job.action
    if (isPaused(rule)) return false
    if (job.denial?.isOver === true) {
      // Others of its rule were taken since it was refused: it waits alone. Next time it may be for all again.
      job.denial = undefined
      return false
    }
    const denial = known ?? this.#open(rule, now)
    queue.park(job)
    denial.refuse(job)
    // What was under way when the first was refused says nothing new.
    if (known !== undefined && !isProbe) return true
    denial.reason = reason
    denial.until = now + backoff(++denial.failures, ...pause)
    const again = denial.failures > 1
    if (denial.isScoped && again && !denial.isTold) {
      denial.isTold = true
      denied(rule, rpc, reason)
    }
    if (gate.cause === 'parked' || (!denial.isScoped && (again || this.#unscoped() > 1))) gate.pause('parked', now)
    return true
  }

  #unscoped(): number {
    let count = 0
    for (const { isScoped } of this.#byRule.values()) if (!isScoped) count++
    return count
  }

  #open(rule: string, now: number): Denial {
    const denial = new Denial(rule, now)
    this.#byRule.set(rule, denial)
    return denial
  }

  #end(denial: Denial): void {
    const { queue, allowed } = this.#parts
    denial.isOver = true
    this.#byRule.delete(denial.rule)
    queue.unpark(denial.takeAll())
    if (denial.isTold) allowed(denial.rule, true)
  }

  #forget({ rule, isTold }: Denial): void {
    this.#byRule.delete(rule)
    if (isTold) this.#parts.allowed(rule, false)
  }
}

/** What may be over with all others comes before what was refused while others were taken. */
function goesBefore(one: Denial, other: Denial): boolean {
  return one.isScoped === other.isScoped ? one.until < other.until : !one.isScoped
}

function isRefusal(verdict: Verdict): verdict is Verdict & { readonly kind: 'park'; readonly scope: 'namespace' } {
  return verdict.kind === 'park' && verdict.scope === 'namespace'
}

/** Whether the call itself was let through; a server that is busy or broken may not have come to that question. */
function isTaken({ onlyLooked }: Attempt, verdict: Verdict): boolean {
  if (onlyLooked === true || verdict.kind === 'retry' || isRefusal(verdict)) return false
  return verdict.kind !== 'dead-letter' || verdict.unsent !== true
}
