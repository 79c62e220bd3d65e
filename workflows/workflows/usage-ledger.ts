import type { MeterBatch, MeterRecord } from '../../agent/messages.ts'
import { SeenRing } from './seen-ring.ts'

/** Counted requests. Times are milliseconds since the epoch, null before the first request. */
export interface UsageTotals {
  readonly total: number
  /** By HTTP method; methods that RFC 9110 and RFC 5789 do not know count as `OTHER`. */
  readonly byMethod: Readonly<Record<string, number>>
  readonly firstAt: number | null
  readonly lastAt: number | null
}

/** Usage that is counted and goes to the store as one unit, under one idempotency key. */
export interface UsageChunk {
  readonly firstId: string
  readonly lastId: string
  /** What this chunk adds. */
  readonly added: UsageTotals
}

/** A chunk that is on its way to the store: its content is fixed, so that a retry sends the same. */
export interface SealedChunk extends UsageChunk {
  /** All usage up to and including this chunk. */
  readonly totals: UsageTotals
}

/** What one run of `usageMeter` hands to the next. Records and arrays only: this goes through JSON. */
export interface UsageState {
  readonly totals: UsageTotals
  readonly duplicates: number
  readonly malformed: number
  readonly seen: readonly string[]
  readonly open?: UsageChunk
  readonly sealed?: SealedChunk
}

/** A client may send any token as method: without a closed list it would grow the state without bound. */
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH'])

const NOTHING: UsageTotals = { total: 0, byMethod: {}, firstAt: null, lastAt: null }

/** Counts metered records once each, and cuts what is new into chunks for the store. */
export class UsageLedger {
  readonly #seen: SeenRing
  #totals: UsageTotals
  #open: UsageChunk | undefined
  #sealed: SealedChunk | undefined
  #duplicates: number
  #malformed: number

  constructor(seenIds: number, state?: UsageState) {
    this.#seen = new SeenRing(seenIds, state?.seen)
    this.#totals = state?.totals ?? NOTHING
    this.#open = state?.open
    this.#sealed = state?.sealed
    this.#duplicates = state?.duplicates ?? 0
    this.#malformed = state?.malformed ?? 0
  }

  get totals(): UsageTotals {
    return this.#totals
  }

  get duplicates(): number {
    return this.#duplicates
  }

  /** Records and batches that had not the shape of messages.ts. */
  get malformed(): number {
    return this.#malformed
  }

  /** Requests that are counted but not known to be stored. */
  get unstored(): number {
    return (this.#open?.added.total ?? 0) + (this.#sealed?.added.total ?? 0)
  }

  /**
   * Counts the new records of a batch. Never throws: an error in a signal handler fails the workflow task, which Temporal
   * repeats for ever, so that one malformed signal would stop the entity. It is counted instead.
   */
  add(batch: MeterBatch): void {
    if (!Array.isArray((batch as Partial<MeterBatch> | null)?.records)) {
      this.#malformed += 1
      return
    }
    for (const record of batch.records) {
      if (!isRecord(record)) this.#malformed += 1
      else if (!this.#seen.add(record.id)) this.#duplicates += 1
      else this.#count(record)
    }
  }

  /** The chunk to store now: the one that could not be stored before, or all that came since. */
  seal(): SealedChunk | undefined {
    if (this.#sealed === undefined && this.#open !== undefined) {
      this.#sealed = { ...this.#open, totals: this.#totals }
      this.#open = undefined
    }
    return this.#sealed
  }

  /** The sealed chunk is stored. */
  settle(): void {
    this.#sealed = undefined
  }

  /** What the next run starts from. */
  toState(): UsageState {
    return {
      totals: this.#totals,
      duplicates: this.#duplicates,
      malformed: this.#malformed,
      seen: this.#seen.toArray(),
      ...(this.#open && { open: this.#open }),
      ...(this.#sealed && { sealed: this.#sealed }),
    }
  }

  #count(record: MeterRecord): void {
    this.#totals = plus(this.#totals, record)
    this.#open = {
      firstId: this.#open?.firstId ?? record.id,
      lastId: record.id,
      added: plus(this.#open?.added ?? NOTHING, record),
    }
  }
}

function plus(totals: UsageTotals, { method, at }: MeterRecord): UsageTotals {
  const name = METHODS.has(method) ? method : 'OTHER'
  return {
    total: totals.total + 1,
    byMethod: { ...totals.byMethod, [name]: (totals.byMethod[name] ?? 0) + 1 },
    firstAt: totals.firstAt === null ? at : Math.min(totals.firstAt, at),
    lastAt: totals.lastAt === null ? at : Math.max(totals.lastAt, at),
  }
}

function isRecord(record: unknown): record is MeterRecord {
  if (typeof record !== 'object' || record === null) return false
  const { id, at, method } = record as Partial<Record<keyof MeterRecord, unknown>>
  return typeof id === 'string' && typeof method === 'string' && Number.isFinite(at)
}
