import { Deque } from '../deque.ts'
import type { Parcel } from '../parcel.ts'
import type { ShipAction } from './action.ts'
import { chunkBytes } from './batch.ts'
import { Job } from './job.ts'
import type { Lane, LaneState } from './lane.ts'

/**
 * A lane of chunks, merged into a batch at the moment of its call and not before: while one batch is in flight, or
 * Temporal takes none, the next one grows up to its bounds.
 */
export class MeterLane implements Lane {
  readonly workflowId: string
  readonly group: Map<string, Lane>
  state: LaneState = 'gathering'
  current: Job | undefined
  /** When what waits has waited long enough: milliseconds of the monotonic clock. */
  dueAt = 0
  /** Whether the heap of lanes that gather holds it. */
  timed = false
  readonly #action: ShipAction
  readonly #chunks = new Deque<Parcel>()
  /** Batches that were made already, or halves of one. */
  #batches: Job[] = []
  /** Records and bytes of the chunks. */
  #records = 0
  #bytes = 0

  constructor(workflowId: string, group: Map<string, Lane>, action: ShipAction) {
    this.workflowId = workflowId
    this.group = group
    this.#action = action
  }

  get isEmpty(): boolean {
    return this.#chunks.size === 0 && this.#batches.length === 0
  }

  get tenant(): string {
    return (this.#batches[0]?.first ?? this.#chunks.peek())?.tenant ?? ''
  }

  /** Whether more records would not go into the next call. */
  get isFull(): boolean {
    const { maxRecords, maxBytes } = this.#action.batch
    return this.#batches.length > 0 || this.#records >= maxRecords || this.#bytes >= maxBytes
  }

  /**
   * Begins to wait at `now`. The delay counts from the first record, as the system's clock tells, but is never longer than
   * its whole from now: that clock may jump.
   */
  gather(now: number): void {
    const { maxDelayMs } = this.#action.batch
    const age = Date.now() - (this.#chunks.peek()?.at ?? 0)
    this.dueAt = now + Math.min(maxDelayMs, Math.max(0, maxDelayMs - age))
  }

  push(chunk: Parcel): void {
    this.#chunks.push(chunk)
    this.#records += chunk.events
    this.#bytes += chunkBytes(chunk)
  }

  take(): Job {
    return this.#batches.shift() ?? this.#merge()
  }

  putFront(jobs: readonly Job[]): void {
    this.#batches.unshift(...jobs)
  }

  recall(isPaused: (rule: string) => boolean, back: Parcel[]): void {
    // All of one rule: its name is part of what makes the group.
    if (!isPaused(this.#action.rule)) return
    for (const { parcels } of this.#batches) back.push(...parcels)
    this.#batches = []
    for (let chunk = this.#chunks.shift(); chunk !== undefined; chunk = this.#chunks.shift()) back.push(chunk)
    this.#records = 0
    this.#bytes = 0
  }

  #merge(): Job {
    const { maxRecords, maxBytes } = this.#action.batch
    const chunks: Parcel[] = []
    let records = 0
    let bytes = 0
    for (let next = this.#chunks.peek(); next !== undefined; next = this.#chunks.peek()) {
      const size = chunkBytes(next)
      // A chunk that is larger than a batch goes alone: it was stored as one and is told as one.
      if (chunks.length > 0 && (records + next.events > maxRecords || bytes + size > maxBytes)) break
      this.#chunks.shift()
      chunks.push(next)
      records += next.events
      bytes += size
    }
    this.#records -= records
    this.#bytes -= bytes
    return new Job(this.#action, chunks, this)
  }
}
