import type { WindowSummary } from '../../agent/messages.ts'

/** Classes of statuses that an agent counts; what else a summary holds would grow the state without bound. */
const STATUSES = ['none', '1xx', '2xx', '3xx', '4xx', '5xx', 'other'] as const

/** Buckets of the agent's histogram, with room for a finer one of a later release. */
const MAX_BUCKETS = 2000

/** The last moment that a Date can name, in milliseconds since the epoch. */
const LAST_MOMENT = 8.64e15

/** Where servers beyond {@link MAX_SERVERS} are counted. */
const OTHER_SERVERS = '(other)'
const MAX_SERVERS = 64

/** Latencies as they add up. */
export interface LatencySums {
  readonly count: number
  readonly sum: number
  readonly min: number
  readonly max: number
}

export interface ServerCounts {
  readonly requests: number
  readonly errors: number
  readonly latencyMsSum: number
}

/** One interval of one key, all agents together: what is kept of it. */
export interface WindowCounts {
  /** Milliseconds since the epoch; `to` is not part of it. */
  readonly from: number
  readonly to: number
  /** Summaries that it is made of: one for each agent that saw requests. */
  readonly summaries: number
  /** Requests that agents let through; those that no server answered are in no other count. */
  readonly begun: number
  /** Requests whose outcome came. */
  readonly requests: number
  readonly statuses: Readonly<Record<string, number>>
  readonly errors: number
  readonly bytes: number
  readonly latencyMs: LatencySums
  readonly histogram: readonly (readonly [upToMs: number, count: number])[]
  readonly servers: Readonly<Record<string, ServerCounts>>
}

type Fields = Readonly<Record<string, unknown>>

/** The counts of a summary; undefined for what is none. Never throws, and takes over only what it knows. */
export function countsOf(summary: unknown): WindowCounts | undefined {
  if (!isFields(summary)) return undefined
  const { from, to, requests, begun = 0, errors, bytes, statuses, latencyMs, histogram, servers } = summary
  if (!areCounts([from, to, requests, begun, errors, bytes])) return undefined
  if ((to as number) <= (from as number) || (to as number) > LAST_MOMENT) return undefined
  if (!isFields(statuses) || !isFields(latencyMs) || !isFields(servers) || !isHistogram(histogram)) return undefined
  const { count, sum, min, max } = latencyMs
  if (!areCounts([count, sum, min, max]) || !Object.values(servers).every(isServer)) return undefined
  const known = STATUSES.flatMap((name) => (areCounts([statuses[name]]) ? [[name, statuses[name]]] : []))
  const own = Object.entries(servers) as [string, ServerCounts][]
  return {
    from: from as number,
    to: to as number,
    summaries: 1,
    begun: begun as number,
    requests: requests as number,
    statuses: Object.fromEntries(known) as Record<string, number>,
    errors: errors as number,
    bytes: bytes as number,
    latencyMs: { count, sum, min, max } as LatencySums,
    histogram,
    servers: mergeServers([], own),
  }
}

/** The counts of one interval, of several agents. */
export function merged(a: WindowCounts, b: WindowCounts): WindowCounts {
  return {
    from: a.from,
    to: a.to,
    summaries: a.summaries + b.summaries,
    begun: a.begun + b.begun,
    requests: a.requests + b.requests,
    statuses: mergeStatuses(a.statuses, b.statuses),
    errors: a.errors + b.errors,
    bytes: a.bytes + b.bytes,
    latencyMs: mergeLatencies(a.latencyMs, b.latencyMs),
    histogram: mergeHistograms(a.histogram, b.histogram),
    servers: mergeServers(Object.entries(a.servers), Object.entries(b.servers)),
  }
}

/** Upper bound of the bucket in which that share of the latencies ends; 0 without any. */
export function percentile({ latencyMs: { count, max }, histogram }: WindowCounts, share: number): number {
  let left = Math.ceil(count * share)
  for (const [upToMs, own] of histogram) {
    left -= own
    if (left <= 0) return Math.min(upToMs, max)
  }
  return 0
}

/** Whether a summary names its interval and agent, so that it can be told from others. */
export function idOf(summary: unknown): string | undefined {
  const id = isFields(summary) ? (summary as Partial<Record<keyof WindowSummary, unknown>>).id : undefined
  return typeof id === 'string' && id !== '' ? id : undefined
}

function mergeStatuses(a: WindowCounts['statuses'], b: WindowCounts['statuses']): Record<string, number> {
  const all = { ...a }
  for (const [name, count] of Object.entries(b)) all[name] = (all[name] ?? 0) + count
  return all
}

function mergeLatencies(a: LatencySums, b: LatencySums): LatencySums {
  if (a.count === 0 || b.count === 0) return a.count === 0 ? b : a
  return { count: a.count + b.count, sum: a.sum + b.sum, min: Math.min(a.min, b.min), max: Math.max(a.max, b.max) }
}

function mergeHistograms(a: WindowCounts['histogram'], b: WindowCounts['histogram']): [number, number][] {
  const all = new Map<number, number>()
  for (const [upToMs, count] of [...a, ...b]) all.set(upToMs, (all.get(upToMs) ?? 0) + count)
  return [...all].sort(([one], [other]) => one - other)
}

function mergeServers(a: readonly [string, ServerCounts][], b: readonly [string, ServerCounts][]) {
  const all = new Map<string, ServerCounts>()
  for (const [server, counts] of [...a, ...b]) {
    const name = all.has(server) || all.size < MAX_SERVERS ? server : OTHER_SERVERS
    const known = all.get(name)
    all.set(name, {
      requests: counts.requests + (known?.requests ?? 0),
      errors: counts.errors + (known?.errors ?? 0),
      latencyMsSum: counts.latencyMsSum + (known?.latencyMsSum ?? 0),
    })
  }
  return Object.fromEntries(all)
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null
}

function areCounts(values: readonly unknown[]): boolean {
  return values.every((value) => typeof value === 'number' && value >= 0 && value < Number.POSITIVE_INFINITY)
}

function isHistogram(value: unknown): value is WindowCounts['histogram'] {
  return (
    Array.isArray(value) &&
    value.length <= MAX_BUCKETS &&
    value.every((pair) => Array.isArray(pair) && pair.length === 2 && areCounts(pair))
  )
}

function isServer(value: unknown): boolean {
  return isFields(value) && areCounts([value['requests'], value['errors'], value['latencyMsSum']])
}
