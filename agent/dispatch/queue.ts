import { Deque } from './deque.ts'
import { DelayHeap } from './delay-heap.ts'
import type { Job } from './job.ts'

/** Jobs of one workflow id, or a single job that needs no order. */
interface Lane {
  readonly key: string | undefined
  readonly jobs: Deque<Job>
}

/**
 * What waits for a call. Jobs of one lane run one at a time and in order, and lanes take turns, so that a hot or busy
 * key never holds up the others. How many events may wait is bounded by the intake, which also counts what is under way.
 */
export class JobQueue {
  readonly #ready = new Deque<Lane>()
  readonly #delayed = new DelayHeap<Lane>()
  readonly #lanes = new Map<string, Lane>()
  readonly #running = new Map<Job, Lane>()
  #size = 0

  /** Jobs that wait or run. */
  get size(): number {
    return this.#size
  }

  push(job: Job): void {
    this.#size++
    const lane = job.lane === undefined ? undefined : this.#lanes.get(job.lane)
    if (lane !== undefined) {
      lane.jobs.push(job)
      return
    }
    const fresh: Lane = { key: job.lane, jobs: new Deque() }
    fresh.jobs.push(job)
    if (fresh.key !== undefined) this.#lanes.set(fresh.key, fresh)
    this.#ready.push(fresh)
  }

  /** The next job to run, oldest lane first; undefined when none is due. The caller ends it with one of the below. */
  next(now: number): Job | undefined {
    // A delayed lane whose time has come is older than anything that is ready.
    const lane = this.#delayed.popDue(now) ?? this.#ready.shift()
    const job = lane?.jobs.peek()
    if (lane === undefined || job === undefined) return undefined
    this.#running.set(job, lane)
    return job
  }

  /** Milliseconds of the monotonic clock at which a job is due, 0 for at once; undefined when none waits. */
  nextWake(): number | undefined {
    return this.#ready.size > 0 ? 0 : this.#delayed.firstDue()
  }

  /** The job has ended: its lane goes on with the next, behind the lanes that wait. */
  done(job: Job): void {
    const lane = this.#release(job)
    lane.jobs.shift()
    this.#size--
    if (lane.jobs.size > 0) this.#ready.push(lane)
    else if (lane.key !== undefined) this.#lanes.delete(lane.key)
  }

  /** The job could not run and nothing is wrong with it: it is next again. */
  putBack(job: Job): void {
    this.#ready.pushFront(this.#release(job))
  }

  /** The job runs again at `due`, milliseconds of the monotonic clock; its lane waits with it. */
  delay(job: Job, due: number): void {
    this.#delayed.push(this.#release(job), due)
  }

  /** The job is replaced by parts that run in its place, in order. */
  replace(job: Job, parts: readonly Job[]): void {
    const lane = this.#release(job)
    lane.jobs.shift()
    for (const part of parts.toReversed()) lane.jobs.pushFront(part)
    this.#size += parts.length - 1
    this.#ready.pushFront(lane)
  }

  #release(job: Job): Lane {
    const lane = this.#running.get(job)
    if (lane === undefined) throw new TypeError('the job does not run')
    this.#running.delete(job)
    return lane
  }
}
