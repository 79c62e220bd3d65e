import type { MeterBatch, MeterChunk, MeterRecord } from '../../agent/messages.ts'
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
  /** Ids of chunks, oldest first; absent where none has come yet. */
  readonly seenChunks?: readonly string[]
  readonly open?: UsageChunk
  readonly sealed?: SealedChunk
}

/** A client may send any token as method: without a closed list it would grow the state without bound. */
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH'])

/** Chunks of the agent that are remembered, and characters of their ids: they repeat within minutes, after a crash. */
const CHUNKS = { ids: 2000, chars: 100_000 } as const

/** Counts metered records once each, and cuts what is new into chunks for the store. */
export class UsageLedger {
  readonly #seen: SeenRing
  readonly #seenChunks: SeenRing
  readonly #totals: Tally
  #open: { readonly firstId: string; lastId: string; readonly added: Tally } | undefined
  #sealed: SealedChunk | undefined
  #duplicates: number
  #malformed: number

  constructor(seenIds: number, state?: UsageState) {
    this.#seen = new SeenRing(seenIds, state?.seen)
    this.#seenChunks = new SeenRing(CHUNKS.ids, state?.seenChunks, CHUNKS.chars)
    this.#totals = new Tally(state?.totals)
    this.#open = state?.open && { ...state.open, added: new Tally(state.open.added) }
    this.#sealed = state?.sealed
    this.#duplicates = state?.duplicates ?? 0
    this.#malformed = state?.malformed ?? 0
  }

  get totals(): UsageTotals {
    return this.#totals.read()
  }

  get duplicates(): number {
    return this.#duplicates
  }

  /** Records, lists of chunks and batches that had not the shape of messages.ts. */
  get malformed(): number {
    return this.#malformed
  }

  /** Requests that are counted but not known to be stored. */
  get unstored(): number {
    return (this.#open?.added.total ?? 0) + (this.#sealed?.added.total ?? 0)
  }

  /**
   * Counts the new records of a batch, once each: a chunk that has come before is left out as a whole, and of the others
   * each record that has. Never throws: an error in a signal handler fails the workflow task, which Temporal repeats for
   * ever, so that one malformed signal would stop the entity. It is counted instead.
   */
  add(batch: MeterBatch): void {
    const { records, chunks } = (batch as Partial<MeterBatch> | null) ?? {}
    if (!Array.isArray(records)) {
      this.#malformed += 1
      return
    }
    if (chunks === undefined) return this.#countAll(records, 0, records.length)
    if (!areChunksOf(chunks, records.length)) {
      // Which records belong together is not known: each is looked at by itself.
      this.#malformed += 1
      return this.#countAll(records, 0, records.length)
    }
    let from = 0
    for (const chunk of chunks) {
      const to = from + chunk.records
      if (this.#seenChunks.add(chunk.id)) this.#countAll(records, from, to)
      else this.#duplicates += chunk.records
      from = to
    }
  }

  /** The chunk to store now: the one that could not be stored before, or all that came since. */
  seal(): SealedChunk | undefined {
    if (this.#sealed === undefined && this.#open !== undefined) {
      this.#sealed = { ...openChunk(this.#open), totals: this.totals }
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
      totals: this.totals,
      duplicates: this.#duplicates,
      malformed: this.#malformed,
      seen: this.#seen.toArray(),
      ...(this.#seenChunks.size > 0 && { seenChunks: this.#seenChunks.toArray() }),
      ...(this.#open && { open: openChunk(this.#open) }),
      ...(this.#sealed && { sealed: this.#sealed }),
    }
  }

  /** Thousands of records may come at once, and a workflow task has its time: no object is made for any of them. */
  #countAll(records: readonly unknown[], from: number, to: number): void {
    for (let i = from; i < to; i++) {
      const record = records[i]
      if (!isRecord(record)) this.#malformed += 1
      else if (!this.#seen.add(record.id)) this.#duplicates += 1
      else this.#count(record)
    }
  }

  #count({ id, method, at }: MeterRecord): void {
    this.#open ??= { firstId: id, lastId: id, added: new Tally() }
    this.#open.lastId = id
    const name = METHODS.has(method) ? method : 'OTHER'
    this.#open.added.add(name, at)
    this.#totals.add(name, at)
  }
}

/** Totals that grow in place. */
class Tally {
  total: number
  readonly #byMethod: Record<string, number>
  #firstAt: number | null
  #lastAt: number | null

  constructor(from?: UsageTotals) {
    this.total = from?.total ?? 0
    this.#byMethod = { ...from?.byMethod }
    this.#firstAt = from?.firstAt ?? null
    this.#lastAt = from?.lastAt ?? null
  }

  add(method: string, at: number): void {
    this.total += 1
    this.#byMethod[method] = (this.#byMethod[method] ?? 0) + 1
    if (this.#firstAt === null || at < this.#firstAt) this.#firstAt = at
    if (this.#lastAt === null || at > this.#lastAt) this.#lastAt = at
  }

  /** A copy: what is read stays as it was. */
  read(): UsageTotals {
    return { total: this.total, byMethod: { ...this.#byMethod }, firstAt: this.#firstAt, lastAt: this.#lastAt }
  }
}

function openChunk({ firstId, lastId, added }: { firstId: string; lastId: string; added: Tally }): UsageChunk {
  return { firstId, lastId, added: added.read() }
}

/** Whether these are chunks that make up so many records. */
function areChunksOf(chunks: unknown, records: number): chunks is readonly MeterChunk[] {
  if (!Array.isArray(chunks)) return false
  let sum = 0
  for (const chunk of chunks as (Partial<Record<keyof MeterChunk, unknown>> | null)[]) {
    const count = chunk?.records
    if (typeof chunk?.id !== 'string' || !Number.isInteger(count) || (count as number) < 0) return false
    sum += count as number
  }
  return sum === records
}

function isRecord(record: unknown): record is MeterRecord {
  if (typeof record !== 'object' || record === null) return false
  const { id, at, method } = record as Partial<Record<keyof MeterRecord, unknown>>
  return typeof id === 'string' && typeof method === 'string' && Number.isFinite(at)
}
