import type { MeterRecord } from '../messages.ts'
import type { Entry, Job } from './job.ts'

/** When a batch goes out, whichever comes first. */
export interface BatchLimits {
  readonly maxRecords: number
  /** Milliseconds after the first record. */
  readonly maxDelayMs: number
  /** Bytes of the serialised records; far below Temporal's 2 MB limit and its warning at 512 KB. */
  readonly maxBytes: number
}

export const BATCH_LIMITS: BatchLimits = { maxRecords: 100, maxDelayMs: 250, maxBytes: 262_144 }

interface Open {
  readonly entries: Entry[]
  readonly records: string[]
  readonly due: number
  bytes: number
}

/**
 * Gathers metered events per workflow id, that is per rule and key. Every record keeps its event id: batches that are
 * rebuilt after a crash may be cut elsewhere, and the workflow deduplicates by record.
 */
export class Batcher {
  readonly #limits: BatchLimits
  readonly #emit: (job: Job) => void
  readonly #open = new Map<string, Open>()

  constructor(limits: BatchLimits, emit: (job: Job) => void) {
    this.#limits = limits
    this.#emit = emit
  }

  /** Adds one event at `now`, milliseconds of the monotonic clock; emits the batch when it is full. */
  add(entry: Entry, now: number): void {
    const { maxRecords, maxBytes, maxDelayMs } = this.#limits
    const id = laneOf(entry)
    const record = JSON.stringify(recordOf(entry))
    const bytes = Buffer.byteLength(record) + 1
    let batch = this.#open.get(id)
    if (batch !== undefined && batch.bytes + bytes > maxBytes) {
      this.#flush(id, batch)
      batch = undefined
    }
    if (batch === undefined) {
      batch = { entries: [], records: [], due: now + maxDelayMs, bytes: 0 }
      this.#open.set(id, batch)
    }
    batch.entries.push(entry)
    batch.records.push(record)
    batch.bytes += bytes
    if (batch.entries.length >= maxRecords || batch.bytes >= maxBytes) this.#flush(id, batch)
  }

  /** When the oldest batch is due, on the same clock; undefined when none is open. */
  nextDue(): number | undefined {
    // All batches wait equally long, so the one that was opened first is due first.
    return this.#open.values().next().value?.due
  }

  /** Emits the batches that are due at `now`. */
  flushDue(now: number): void {
    for (const [id, batch] of this.#open) {
      if (batch.due > now) return
      this.#flush(id, batch)
    }
  }

  /** Emits everything. */
  flushAll(): void {
    for (const [id, batch] of this.#open) this.#flush(id, batch)
  }

  #flush(id: string, batch: Open): void {
    this.#open.delete(id)
    const first = batch.entries[0]
    if (first === undefined) return
    const { command } = first
    this.#emit({
      action: command,
      workflowId: command.workflowId,
      key: command.key,
      entries: batch.entries,
      records: batch.records,
      lane: command.workflowId,
      attempts: 0,
    })
  }
}

/** Commands of an older configuration may send the same workflow id to another queue or type: those do not mix. */
function laneOf({ command }: Entry): string {
  return `${command.workflowId}\n${command.workflowType}\n${command.taskQueue}`
}

function recordOf({ command: { event } }: Entry): MeterRecord {
  const { subject } = event.actor
  return {
    id: event.id,
    at: event.at,
    method: event.request.method,
    path: event.request.path,
    ...(subject === undefined ? {} : { subject }),
  }
}
