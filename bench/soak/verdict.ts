import type { PaceResult } from './pace.ts'
import type { Sample } from './sample.ts'
import { type Trend, trend } from './trend.ts'

const MIB = 2 ** 20

/** How much each may have grown by the end, over all the time after the warm-up. */
export const BOUNDS = {
  /** The allocator gives back what it likes, so the process is allowed more than what is kept: 10 %, at least 8 MiB. */
  rss: (median: number): number => Math.max(8 * MIB, median / 10),
  /** Bytes, after a full collection each time. */
  heapUsed: (): number => MIB,
  external: (): number => MIB,
  fds: (): number => 4,
} as const

type Watched = keyof typeof BOUNDS

/** Share of the time, and at least so many milliseconds, until caches and the compiler's work have settled. */
const WARM_UP_SHARE = 0.2
const WARM_UP_LEAST_MS = 45_000
/** Share of the rate that the machine has to carry, or this was a soak at another load than it says. */
const LEAST_CARRIED = 0.95

export interface Verdict {
  readonly ok: boolean
  /** What is wrong, in words. */
  readonly findings: readonly string[]
  readonly trends: Readonly<Record<Watched, Trend>>
  readonly loopDelayMs: { readonly medianP99: number; readonly max: number }
  readonly heapBytesPerRequest: number
}

/** @param complaints what the agent printed beside its samples */
export function judge(samples: readonly Sample[], complaints: readonly string[], load: PaceResult): Verdict {
  const settled = settledSamples(samples)
  const of = (name: Watched): Trend => trend(settled.map((sample) => ({ atMs: sample.atMs, value: sample[name] })))
  const trends = { rss: of('rss'), heapUsed: of('heapUsed'), external: of('external'), fds: of('fds') }
  const findings: string[] = []
  for (const [name, { median, growth }] of Object.entries(trends) as [Watched, Trend][]) {
    const bound = BOUNDS[name](median)
    if (growth > bound) findings.push(`${name} has grown by ${Math.round(growth)}, more than ${Math.round(bound)}`)
  }
  if (settled.length < 5) findings.push(`only ${settled.length} samples after the warm-up: nothing can be said`)
  const carried = 1 - load.unsent / load.due
  if (carried < LEAST_CARRIED) findings.push(`only ${Math.round(carried * 100)} % of the load could be sent`)
  findings.push(...unanswered(samples, load), ...complaints.slice(0, 5).map((line) => `the agent said: ${line}`))

  const last = samples.at(-1)
  const requests = (last?.counters.notifies ?? 0) - (settled[0]?.counters.notifies ?? 0)
  const p99s = settled.map((sample) => sample.loopDelayP99Ms)
  const maxima = settled.map((sample) => sample.loopDelayMaxMs)
  return {
    ok: findings.length === 0,
    findings,
    trends,
    loopDelayMs: { medianP99: p99s.toSorted((a, b) => a - b)[p99s.length >> 1] ?? 0, max: Math.max(...maxima) },
    heapBytesPerRequest: trends.heapUsed.growth / requests,
  }
}

function settledSamples(samples: readonly Sample[]): Sample[] {
  const start = samples[0]?.atMs ?? 0
  const elapsed = (samples.at(-1)?.atMs ?? 0) - start
  const warm = start + Math.max(WARM_UP_LEAST_MS, elapsed * WARM_UP_SHARE)
  return samples.filter(({ atMs }) => atMs >= warm)
}

/** Every request was allowed, and every NOTIFY got the answer of its handler. */
function unanswered(samples: readonly Sample[], load: PaceResult): string[] {
  const counters = samples.at(-1)?.counters
  if (counters === undefined) return ['the agent gave no sample']
  const missing = {
    'requests were refused': load.refused,
    'requests got no answer': load.broken,
    'NOTIFYs got no ACK': counters.notifies - counters.acks,
    'NOTIFYs were answered by the deadline': counters.deadlineAnswers,
    'NOTIFYs were answered by the overload': counters.overloadAnswers,
    'handlers have failed': counters.handlerErrors,
    'ACKs had nowhere to go': counters.acksDropped,
    'frames were wrong': counters.protocolErrors,
    'variables were refused': counters.variablesRefused,
  }
  return Object.entries(missing).flatMap(([what, count]) => (count === 0 ? [] : [`${count} ${what}`]))
}
