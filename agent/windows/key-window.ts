import type { WindowSummary } from '../messages.ts'
import { bucketOf, BUCKETS, LONGEST_MS, upperBound } from './histogram.ts'

/** How one request ended. */
export interface Outcome {
  /** HTTP status; 0 where no response came. */
  readonly status: number
  /** Milliseconds from the decision to the response; NaN where nobody knows. Negative ones, of clocks that differ, are 0. */
  readonly latencyMs: number
  /** Of the response's body. */
  readonly bytes: number
  /** Name of the server; empty where none was asked. */
  readonly server: string
}

/** Where servers beyond {@link MAX_SERVERS} are counted. */
export const OTHER_SERVERS = '(other)'
export const MAX_SERVERS = 64

/** By the first digit of the status; what begins with none of 1 to 5 is `other`. */
const CLASSES = ['none', '1xx', '2xx', '3xx', '4xx', '5xx', 'other'] as const
const NONE = 0
const SERVER_ERROR = 5
const OTHER = 6

interface ServerCounts {
  requests: number
  errors: number
  latencyMsSum: number
}

/** Everything of a summary that does not come from the counts. */
export type SummaryHead = Pick<WindowSummary, 'id' | 'rule' | 'key' | 'from' | 'to' | 'agent'>

/** The counts of one key in one interval. Counting makes no garbage, the first request of a server apart. */
export class KeyWindow {
  readonly #classes = new Float64Array(CLASSES.length)
  readonly #histogram = new Uint32Array(BUCKETS)
  readonly #servers = new Map<string, ServerCounts>()
  #begun = 0
  #bytes = 0
  #latencies = 0
  #latencySum = 0
  #latencyMin = LONGEST_MS
  #latencyMax = 0

  /** A request was let through. */
  begin(): void {
    this.#begun++
  }

  add({ status, latencyMs, bytes, server }: Outcome): void {
    const column = classOf(status)
    this.#classes[column]! += 1
    if (bytes > 0) this.#bytes += bytes
    const known = latencyMs === latencyMs
    const latency = known ? Math.max(0, Math.min(LONGEST_MS, Math.round(latencyMs))) : 0
    if (known) this.#time(latency)
    if (server === '') return
    const counts = this.#servers.get(server) ?? this.#newServer(server)
    counts.requests++
    counts.latencyMsSum += latency
    if (column === SERVER_ERROR || column === NONE) counts.errors++
  }

  summary(head: SummaryHead): WindowSummary {
    const histogram = this.#pairs()
    const at = (share: number): number => Math.min(percentile(histogram, this.#latencies, share), this.#latencyMax)
    return {
      ...head,
      begun: this.#begun,
      requests: this.#classes.reduce((sum, count) => sum + count, 0),
      statuses: Object.fromEntries(
        CLASSES.flatMap((name, column) => {
          const count = this.#classes[column] ?? 0
          return count === 0 ? [] : [[name, count]]
        }),
      ),
      errors: (this.#classes[NONE] ?? 0) + (this.#classes[SERVER_ERROR] ?? 0),
      bytes: this.#bytes,
      latencyMs: {
        count: this.#latencies,
        sum: this.#latencySum,
        min: this.#latencies === 0 ? 0 : this.#latencyMin,
        max: this.#latencyMax,
        p50: at(0.5),
        p90: at(0.9),
        p99: at(0.99),
        p999: at(0.999),
      },
      histogram,
      servers: Object.fromEntries(this.#servers),
    }
  }

  #time(latency: number): void {
    this.#histogram[bucketOf(latency)]! += 1
    this.#latencies++
    this.#latencySum += latency
    if (latency < this.#latencyMin) this.#latencyMin = latency
    if (latency > this.#latencyMax) this.#latencyMax = latency
  }

  #newServer(server: string): ServerCounts {
    const name = this.#servers.size < MAX_SERVERS ? server : OTHER_SERVERS
    const known = this.#servers.get(name)
    if (known !== undefined) return known
    const counts = { requests: 0, errors: 0, latencyMsSum: 0 }
    this.#servers.set(name, counts)
    return counts
  }

  #pairs(): [upToMs: number, count: number][] {
    const pairs: [number, number][] = []
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      const count = this.#histogram[bucket] ?? 0
      if (count > 0) pairs.push([upperBound(bucket), count])
    }
    return pairs
  }
}

function classOf(status: number): number {
  if (status === 0) return NONE
  const hundreds = Math.floor(status / 100)
  return hundreds >= 1 && hundreds <= SERVER_ERROR ? hundreds : OTHER
}

/** Upper bound of the bucket in which that share of the values ends; 0 without any. */
function percentile(histogram: readonly (readonly [number, number])[], count: number, share: number): number {
  let left = Math.ceil(count * share)
  for (const [upToMs, own] of histogram) {
    left -= own
    if (left <= 0) return upToMs
  }
  return 0
}
