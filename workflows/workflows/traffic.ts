import type { WindowSummary } from '../../agent/messages.ts'
import { SeenRing } from './seen-ring.ts'
import { countsOf, idOf, merged, percentile, type LatencySums, type WindowCounts } from './summary.ts'

/** Characters of all windows as JSON: with the ids beside them they stay below the server's 512 KB payload warning. */
const MAX_CHARS = 250_000

/** Summaries that are remembered, and characters of what is kept of their ids. */
const SEEN = { ids: 2000, chars: 100_000 } as const

/** One interval of one key, all agents together. */
export interface TrafficWindow extends WindowCounts {
  /** Percentiles are upper bounds, exact to 4 %. */
  readonly latencyMs: LatencySums & {
    readonly p50: number
    readonly p90: number
    readonly p99: number
    readonly p999: number
  }
}

/** What one run of `trafficWindow` hands to the next. */
export interface TrafficState {
  /** Summaries that were ever counted. */
  readonly total: number
  readonly duplicates: number
  readonly malformed: number
  readonly tooLate: number
  readonly seen: readonly string[]
  /** Oldest first. */
  readonly windows: readonly WindowCounts[]
}

interface Kept {
  readonly counts: WindowCounts
  /** Characters of it as JSON. */
  readonly size: number
}

/** Adds up the summaries of one key, each once, and keeps the last intervals. */
export class Traffic {
  readonly #keep: number
  readonly #prefix: string
  readonly #seen: SeenRing
  /** Oldest first. */
  readonly #kept: Kept[]
  #chars: number
  total: number
  duplicates: number
  malformed: number
  /** Summaries of intervals older than all that are kept. */
  tooLate: number

  /**
   * @param keep intervals, 1 or more
   * @param prefix what the ids of all its summaries begin with, which need not be remembered with each of them
   */
  constructor(keep: number, prefix: string, state?: TrafficState) {
    this.#keep = keep
    this.#prefix = prefix
    this.#seen = new SeenRing(SEEN.ids, state?.seen, SEEN.chars)
    this.#kept = (state?.windows ?? []).map((counts) => ({ counts, size: JSON.stringify(counts).length }))
    this.#chars = this.#kept.reduce((sum, { size }) => sum + size, 0)
    this.total = state?.total ?? 0
    this.duplicates = state?.duplicates ?? 0
    this.malformed = state?.malformed ?? 0
    this.tooLate = state?.tooLate ?? 0
  }

  /** The last so many intervals that had requests, oldest first; default: all that are kept. */
  windows(last = this.#kept.length): TrafficWindow[] {
    return last > 0 ? this.#kept.slice(-last).map(({ counts }) => withPercentiles(counts)) : []
  }

  /** The newest interval; agents that have not told of it yet may follow. */
  get latest(): TrafficWindow | undefined {
    const newest = this.#kept.at(-1)
    return newest && withPercentiles(newest.counts)
  }

  /** Adds a summary to its interval. Never throws, see UsageLedger.add. */
  add(summary: WindowSummary): void {
    const id = idOf(summary)
    const counts = countsOf(summary)
    if (id === undefined || counts === undefined) this.malformed += 1
    else if (!this.#seen.add(id.startsWith(this.#prefix) ? id.slice(this.#prefix.length) : id)) this.duplicates += 1
    else this.#put(counts)
  }

  toState(): TrafficState {
    const { total, duplicates, malformed, tooLate } = this
    return {
      total,
      duplicates,
      malformed,
      tooLate,
      seen: this.#seen.toArray(),
      windows: this.#kept.map(({ counts }) => counts),
    }
  }

  #put(counts: WindowCounts): void {
    // From the end: what comes is nearly always of the newest intervals.
    const before = this.#kept.findLastIndex((one) => order(one.counts, counts) <= 0)
    const same = this.#kept[before]
    if (same !== undefined && order(same.counts, counts) === 0) this.#replace(before, same, merged(same.counts, counts))
    else if (before === -1 && this.#kept.length >= this.#keep) {
      this.tooLate += 1
      return
    } else this.#insert(before + 1, counts)
    this.total += 1
    while (this.#kept.length > this.#keep || (this.#chars > MAX_CHARS && this.#kept.length > 1)) {
      this.#chars -= this.#kept.shift()?.size ?? 0
    }
  }

  #insert(at: number, counts: WindowCounts): void {
    const size = JSON.stringify(counts).length
    this.#kept.splice(at, 0, { counts, size })
    this.#chars += size
  }

  #replace(at: number, former: Kept, counts: WindowCounts): void {
    const size = JSON.stringify(counts).length
    this.#kept[at] = { counts, size }
    this.#chars += size - former.size
  }
}

/** Intervals of different lengths, around a change of the configuration, stay apart. */
function order(a: WindowCounts, b: WindowCounts): number {
  return a.from - b.from || a.to - b.to
}

function withPercentiles(counts: WindowCounts): TrafficWindow {
  const [p50, p90, p99, p999] = [0.5, 0.9, 0.99, 0.999].map((share) => percentile(counts, share)) as [
    number,
    number,
    number,
    number,
  ]
  return { ...counts, latencyMs: { ...counts.latencyMs, p50, p90, p99, p999 } }
}
