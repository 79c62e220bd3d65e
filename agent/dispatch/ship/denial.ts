import { Deque } from '../deque.ts'
import type { Job } from './job.ts'

/** A rule whose calls Temporal refuses, and its jobs, which wait here until one of them is taken. */
export class Denial {
  readonly rule: string
  /** When the first call was refused: milliseconds of the monotonic clock, as all times here. */
  readonly since: number
  /** Refusals in a row, of calls that were made one after the other. */
  failures = 0
  /** When the next call of the rule may try. */
  until = 0
  /** The call that tries, while it is under way. */
  probe: Job | undefined
  /** Whether calls of other rules were taken since: it is this rule that is refused, and not the agent. */
  isScoped = false
  /** Whether the operator was told. */
  isTold = false
  /** Whether a call of the rule was taken after all. */
  isOver = false
  /** What the latest refusal said. */
  reason = ''
  /** Jobs that were refused themselves. */
  #refused = new Deque<Job>()
  /** Jobs that nobody has tried since. */
  #held = new Deque<Job>()

  constructor(rule: string, since: number) {
    this.rule = rule
    this.since = since
  }

  /** Jobs that wait here. */
  get size(): number {
    return this.#refused.size + this.#held.size
  }

  /** Keeps a job that was refused. */
  refuse(job: Job): void {
    job.denial = this
    this.#refused.push(job)
  }

  /** Keeps a job that would be refused, as far as is known. */
  hold(job: Job): void {
    job.lastReason = this.reason
    this.#held.push(job)
  }

  /**
   * Takes one job out. What is too old comes first, to be buried. Then what was not refused itself: it may be that one
   * event that Temporal refuses, and others of the rule are taken. @param at milliseconds since the epoch
   */
  take(at: number): Job | undefined {
    for (const jobs of [this.#refused, this.#held]) if (isOld(jobs.peek(), at)) return jobs.shift()
    return this.#held.shift() ?? this.#refused.shift()
  }

  /** Takes all jobs out, in their order. */
  takeAll(): Job[] {
    const jobs: Job[] = []
    for (const one of [this.#refused, this.#held]) {
      for (let job = one.shift(); job !== undefined; job = one.shift()) jobs.push(job)
    }
    return jobs
  }
}

function isOld(job: Job | undefined, at: number): boolean {
  return job?.action.maxAgeMs !== undefined && job.first.at < at - job.action.maxAgeMs
}
