import { DelayHeap } from '../delay-heap.ts'
import type { Parcel } from '../parcel.ts'
import type { ShipAction } from './action.ts'
import type { Job } from './job.ts'
import { type Lane, OrderedLane } from './lane.ts'
import { MeterLane } from './meter-lane.ts'
import { Turns } from './turns.ts'

/**
 * What waits for a call. Jobs of one lane run one at a time and in order; what is ready is taken in turns by tenant, then
 * by lane: neither a hot or busy key nor a loud tenant holds up the others. How much may wait is bounded by the store
 * thread, which also counts what is under way.
 */
export class ShipQueue {
  readonly #turns = new Turns<Lane>()
  /** Jobs that wait for another attempt. */
  readonly #delayed = new DelayHeap<Job>()
  /** Lanes whose batch may still grow. A lane is in it once at most, and may have gone on meanwhile. */
  readonly #gathering = new DelayHeap<MeterLane>()
  readonly #groups = new Map<string, Map<string, Lane>>()
  #hurrying = false

  /** Takes a parcel in at `now`, milliseconds of the monotonic clock. */
  push(parcel: Parcel, action: ShipAction, now: number): void {
    const { laneGroup } = action
    const group = this.#groups.get(laneGroup) ?? this.#openGroup(laneGroup)
    const lane = group.get(parcel.workflowId)
    if (lane === undefined) {
      const fresh = openLane(parcel.workflowId, group, action)
      fresh.push(parcel, action)
      this.#rest(fresh, now)
      return
    }
    lane.push(parcel, action)
    if (lane.state === 'gathering') this.#gather(lane as MeterLane, now)
  }

  /** The next job to run; undefined when none is due. The caller ends it with one of the five below. */
  next(now: number): Job | undefined {
    this.#wake(now)
    const lane = this.#turns.next()
    if (lane === undefined) return undefined
    const job = lane.take()
    lane.state = 'running'
    lane.current = job
    return job
  }

  /** Milliseconds of the monotonic clock at which a job is due, 0 for at once; undefined when none waits. */
  nextWake(): number | undefined {
    if (this.#turns.size > 0) return 0
    const delayed = this.#delayed.firstDue()
    const gathering = this.#gathering.firstDue()
    return delayed === undefined || gathering === undefined ? (delayed ?? gathering) : Math.min(delayed, gathering)
  }

  /** The job has ended: its lane goes on with the next, behind what waits. */
  done(job: Job, now: number): void {
    this.#rest(release(job), now)
  }

  /** The job could not run and nothing is wrong with it: it is the next one of its tenant. */
  putBack(job: Job): void {
    this.#resume(release(job), [job])
  }

  /** The job runs again at `due`, milliseconds of the monotonic clock; its lane waits with it. */
  delay(job: Job, due: number): void {
    const lane = release(job)
    this.#delayed.push(job, due)
    lane.state = 'delayed'
    lane.current = job
  }

  /** The job is kept by the caller, and its lane waits with it. */
  park(job: Job): void {
    const lane = release(job)
    lane.state = 'delayed'
    lane.current = job
  }

  /** A parked job runs. */
  unparkRunning({ lane }: Job): void {
    lane.state = 'running'
  }

  /** Parked jobs are ready, before what came after them. */
  unpark(jobs: readonly Job[]): void {
    for (const job of jobs.toReversed()) {
      job.lane.current = undefined
      this.#resume(job.lane, [job])
    }
  }

  /** The job is replaced by parts of the same lane, which run in its place and in order. */
  replace(job: Job, parts: readonly Job[]): void {
    this.#resume(release(job), parts)
  }

  /** From now on batches go out at once. */
  hurry(now: number): void {
    this.#hurrying = true
    for (const lane of this.#lanes()) if (lane.state === 'gathering') this.#gather(lane as MeterLane, now)
  }

  /** Gives back what waits of rules that are paused. Looks at everything: for commands of an operator. */
  recall(isPaused: (rule: string) => boolean, now: number): Parcel[] {
    const back: Parcel[] = []
    const freed: Lane[] = []
    this.#delayed.retain(({ action, parcels, lane }) => {
      if (!isPaused(action.rule)) return true
      back.push(...parcels)
      freed.push(lane)
      return false
    })
    for (const lane of this.#lanes()) lane.recall(isPaused, back)
    this.#turns.retain((lane) => !lane.isEmpty)
    for (const lane of freed) {
      lane.current = undefined
      this.#rest(lane, now)
    }
    for (const lane of this.#lanes()) if (lane.isEmpty && lane.current === undefined) drop(lane)
    return back
  }

  /** Moves to the turns what is due. */
  #wake(now: number): void {
    for (let job = this.#delayed.popDue(now); job !== undefined; job = this.#delayed.popDue(now)) {
      const { lane } = job
      lane.current = undefined
      // It is older than anything of its tenant that is ready.
      this.#resume(lane, [job])
    }
    for (let lane = this.#gathering.popDue(now); lane !== undefined; lane = this.#gathering.popDue(now)) {
      lane.timed = false
      if (lane.state === 'gathering') this.#gather(lane, now)
    }
  }

  /** What becomes of a lane of which nothing runs. */
  #rest(lane: Lane, now: number): void {
    if (lane.isEmpty) drop(lane)
    else if (lane instanceof MeterLane) {
      lane.gather(now)
      this.#gather(lane, now)
    } else this.#makeReady(lane)
  }

  /** A lane whose batch may grow does so until it is due. */
  #gather(lane: MeterLane, now: number): void {
    if (this.#hurrying || lane.isFull || lane.dueAt <= now) {
      this.#makeReady(lane)
      return
    }
    lane.state = 'gathering'
    if (lane.timed) return
    lane.timed = true
    this.#gathering.push(lane, lane.dueAt)
  }

  #makeReady(lane: Lane): void {
    lane.state = 'ready'
    this.#turns.push(lane.tenant, lane)
  }

  #resume(lane: Lane, jobs: readonly Job[]): void {
    lane.putFront(jobs)
    lane.state = 'ready'
    this.#turns.pushFront(lane.tenant, lane)
  }

  #openGroup(name: string): Map<string, Lane> {
    const group = new Map<string, Lane>()
    this.#groups.set(name, group)
    return group
  }

  *#lanes(): Generator<Lane> {
    for (const group of this.#groups.values()) yield* group.values()
  }
}

function openLane(workflowId: string, group: Map<string, Lane>, action: ShipAction): Lane {
  const lane = action.kind === 'meter' ? new MeterLane(workflowId, group, action) : new OrderedLane(workflowId, group)
  group.set(workflowId, lane)
  return lane
}

/** Nothing is left of a lane that holds nothing, so that keys of the past cost no memory. */
function drop(lane: Lane): void {
  lane.state = 'gone'
  lane.group.delete(lane.workflowId)
}

function release(job: Job): Lane {
  const { lane } = job
  if (lane.state !== 'running' || lane.current !== job) throw new TypeError('the job does not run')
  lane.current = undefined
  return lane
}
