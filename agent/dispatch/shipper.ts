import { backoff } from './backoff.ts'
import { classifyError, classifyResponse, type Verdict } from './classify.ts'
import type { TemporalCalls } from './connection.ts'
import { Gate } from './gate.ts'
import type { Entry, Job } from './job.ts'
import type { JobQueue } from './queue.ts'
import { signalRequest, startRequest, type Caller } from './temporal-request.ts'

/** Calls in flight. Beyond the knee at 32 to 64 they only wait for each other. */
const CONCURRENCY = 32

/** Milliseconds: first and longest wait of one job, by what happened to it. */
export const WAITS = {
  failed: [100, 30_000],
  timeout: [100, 30_000],
  // A workflow id takes one execution per second.
  busy: [500, 5_000],
  parked: [10_000, 30_000],
} as const satisfies Record<string, readonly [base: number, cap: number]>
type Waits = { readonly [K in keyof typeof WAITS]: readonly [base: number, cap: number] }

/**
 * Attempts after which a job that meets an unavailable server no longer goes first: it may be the job that breaks the
 * connection, and must not keep the others from finding out that the server is well.
 */
const FIRST_IN_LINE_ATTEMPTS = 5

export interface ShipperParts {
  readonly queue: JobQueue
  readonly calls: TemporalCalls
  readonly caller: Caller
  readonly gate?: Gate
  readonly waits?: Waits
  /** Told once per entry when its job has ended. */
  readonly settle: (entry: Entry, outcome: 'delivered' | 'deduplicated') => void
  readonly deadLetter: (entry: Entry, reason: string, attempts: number) => void
  /** Told before each call. */
  readonly attempted: () => void
  /** Told after each attempt, with the verdict and the gate's state after it. */
  readonly observe: (verdict: Verdict, gate: Gate, job: Job) => void
}

/** Makes the calls: bounded, each with its own back-off, all held back together while the server cannot take them. */
export class Shipper {
  readonly #parts: ShipperParts
  readonly #gate: Gate
  readonly #waits: Waits
  #inFlight = 0
  #stopped = false
  #timer: NodeJS.Timeout | undefined

  constructor(parts: ShipperParts) {
    this.#parts = parts
    this.#gate = parts.gate ?? new Gate()
    this.#waits = parts.waits ?? WAITS
  }

  get inFlight(): number {
    return this.#inFlight
  }

  /** Starts whatever may start now, and wakes itself for the rest. Call it after pushing jobs. */
  pump(): void {
    if (this.#stopped) return
    for (;;) {
      const now = performance.now()
      if (this.#inFlight >= this.#gate.limit(now, CONCURRENCY)) break
      const job = this.#parts.queue.next(now)
      if (job === undefined) break
      this.#inFlight++
      void this.#run(job)
    }
    this.#wakeLater()
  }

  /** Starts no more calls. Calls in flight are given up: their outcome is unknown. */
  stop(): void {
    this.#stopped = true
    clearTimeout(this.#timer)
  }

  /** Never rejects: whatever is thrown in it becomes a verdict. */
  async #run(job: Job): Promise<void> {
    this.#parts.attempted()
    const verdict = await this.#attempt(job)
    this.#inFlight--
    if (this.#stopped) return
    job.attempts++
    this.#apply(job, verdict)
    this.#parts.observe(verdict, this.#gate, job)
    this.pump()
  }

  async #attempt(job: Job): Promise<Verdict> {
    const { calls, caller } = this.#parts
    try {
      if (job.action.kind === 'start') return classifyResponse('start', await calls.start(startRequest(job, caller)))
      return classifyResponse(job.action.kind, await calls.signalWithStart(signalRequest(job, caller)))
    } catch (error) {
      return classifyError(error)
    }
  }

  #apply(job: Job, verdict: Verdict): void {
    const { queue, settle } = this.#parts
    const now = performance.now()
    switch (verdict.kind) {
      case 'delivered':
      case 'deduplicated':
        this.#gate.answered()
        queue.done(job)
        for (const entry of job.entries) settle(entry, verdict.kind)
        return
      case 'dead-letter':
        this.#gate.answered()
        this.#bury(job, verdict.reason)
        return
      case 'park':
        if (verdict.scope === 'server') this.#gate.pause('parked', now)
        else this.#gate.answered()
        // Not put back: if this job alone is refused, the next probe takes another and finds the server well.
        queue.delay(job, now + this.#wait(job, 'parked'))
        return
      case 'retry':
        this.#retry(job, verdict.cause, now)
    }
  }

  #retry(job: Job, cause: (Verdict & { kind: 'retry' })['cause'], now: number): void {
    const { queue } = this.#parts
    if (cause === 'unavailable' || cause === 'throttled') {
      this.#gate.pause(cause, now)
      if (job.attempts < FIRST_IN_LINE_ATTEMPTS) queue.putBack(job)
      else queue.delay(job, now + this.#wait(job, 'failed'))
      return
    }
    if (cause !== 'timeout') this.#gate.answered()
    else if (this.#gate.timedOut()) this.#gate.pause('unavailable', now)
    queue.delay(job, now + this.#wait(job, cause))
  }

  /** A batch is cut in halves until the record that the server refuses is alone: it must not take the others along. */
  #bury(job: Job, reason: string): void {
    const { queue, deadLetter } = this.#parts
    if (job.entries.length === 1) {
      queue.done(job)
      for (const entry of job.entries) deadLetter(entry, reason, job.attempts)
      return
    }
    const half = job.entries.length >> 1
    const part = (from: number, to: number): Job => ({
      ...job,
      entries: job.entries.slice(from, to),
      records: job.records.slice(from, to),
      attempts: 0,
    })
    queue.replace(job, [part(0, half), part(half, job.entries.length)])
  }

  #wait(job: Job, cause: keyof Waits): number {
    const [base, cap] = this.#waits[cause]
    return backoff(job.attempts, base, cap)
  }

  #wakeLater(): void {
    clearTimeout(this.#timer)
    const wake = this.#parts.queue.nextWake()
    if (wake === undefined) return
    const now = performance.now()
    const due = Math.max(wake, this.#gate.until)
    // Due, yet not started: all places are taken, and whichever call ends first looks again.
    if (due <= now && this.#inFlight > 0) return
    this.#timer = setTimeout(() => this.pump(), Math.max(1, due - now))
  }
}
