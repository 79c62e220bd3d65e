import { Deque } from '../deque.ts'
import type { Parcel } from '../parcel.ts'
import type { ShipAction } from './action.ts'
import { Job } from './job.ts'

/** `gathering`: not worth a call yet. `ready`: has its place among the turns. `gone`: held nothing any more. */
export type LaneState = 'gathering' | 'ready' | 'running' | 'delayed' | 'gone'

/** What waits for one workflow: its jobs run one at a time and in order. */
export interface Lane {
  readonly workflowId: string
  /** The lanes of its group, by workflow id. */
  readonly group: Map<string, Lane>
  state: LaneState
  /** The job that runs, or waits for another attempt. */
  current: Job | undefined
  /** Whether nothing waits; the current job does not count. */
  readonly isEmpty: boolean
  /** Whose turn it is with the next job. */
  readonly tenant: string
  push(parcel: Parcel, action: ShipAction): void
  /** Takes the next job out; there must be one. */
  take(): Job
  /** Puts jobs before all others, in their order. */
  putFront(jobs: readonly Job[]): void
  /** Gives back what waits of rules that are paused. */
  recall(isPaused: (rule: string) => boolean, back: Parcel[]): void
}

/** A lane of single events. Most hold one in all their life, so room for more is made when there are more. */
export class OrderedLane implements Lane {
  readonly workflowId: string
  readonly group: Map<string, Lane>
  state: LaneState = 'ready'
  current: Job | undefined
  #first: Job | undefined
  /** What is behind the first. */
  #others: Deque<Job> | undefined

  constructor(workflowId: string, group: Map<string, Lane>) {
    this.workflowId = workflowId
    this.group = group
  }

  get isEmpty(): boolean {
    return this.#first === undefined
  }

  get tenant(): string {
    return this.#first?.first.tenant ?? ''
  }

  push(parcel: Parcel, action: ShipAction): void {
    const job = new Job(action, [parcel], this)
    if (this.#first === undefined) this.#first = job
    else (this.#others ??= new Deque()).push(job)
  }

  take(): Job {
    const job = this.#first
    if (job === undefined) throw new TypeError('the lane is empty')
    this.#first = this.#others?.shift()
    return job
  }

  putFront(jobs: readonly Job[]): void {
    for (let i = jobs.length - 1; i >= 0; i--) {
      if (this.#first !== undefined) (this.#others ??= new Deque()).pushFront(this.#first)
      this.#first = jobs[i]
    }
  }

  recall(isPaused: (rule: string) => boolean, back: Parcel[]): void {
    const stays = (job: Job): boolean => {
      if (!isPaused(job.action.rule)) return true
      back.push(...job.parcels)
      return false
    }
    if (this.#first === undefined) return
    const isKept = stays(this.#first)
    this.#others?.retain(stays)
    if (!isKept) this.#first = this.#others?.shift()
  }
}
