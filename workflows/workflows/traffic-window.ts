import { continueAsNew, defineQuery, defineSignal, setCurrentDetails, setHandler } from '@temporalio/workflow'
import { WINDOW_SIGNAL, type EntityInput, type WindowSummary } from '../../agent/messages.ts'
import { EntityRun, serveEntity, type EntityOptions } from './entity.ts'
import { code } from './markdown.ts'
import { Traffic, type TrafficState, type TrafficWindow } from './traffic.ts'

/** Intervals that are kept unless the input says otherwise. */
export const KEPT_WINDOWS = 60

/** Input of {@link trafficWindow}; the agent sends rule and key only. */
export interface TrafficWindowInput extends EntityInput<TrafficState> {
  readonly options?: Pick<EntityOptions, 'signalsPerRun'> & {
    /** Intervals to keep, default {@link KEPT_WINDOWS}; fewer where many servers make them large. */
    readonly keep?: number
  }
}

/** Answer of the query `windows`. */
export interface TrafficWindows {
  readonly rule: string
  readonly key: string
  /** Summaries that were ever counted, those of intervals that are not kept any more included. */
  readonly total: number
  /** Summaries that came again and were not counted again. */
  readonly duplicates: number
  readonly malformed: number
  /** Summaries of intervals that were not kept any more. */
  readonly tooLate: number
  /** Oldest first. An interval without requests is not among them. */
  readonly windows: readonly TrafficWindow[]
}

export const windowSignal = defineSignal<[WindowSummary]>(WINDOW_SIGNAL)
/** Takes how many intervals are wanted, the newest ones; default: all that are kept. */
export const windowsQuery = defineQuery<TrafficWindows, [last?: number]>('windows')
/** The newest interval, null before the first one. Agents that have not told of it yet may follow. */
export const latestQuery = defineQuery<TrafficWindow | null>('latest')

/**
 * What the requests of one key came to, interval by interval: an entity workflow. Signal `window` brings the summary of one
 * agent, in any order and possibly again; those of one interval are added up, and the last intervals are kept.
 */
export async function trafficWindow(input: TrafficWindowInput): Promise<void> {
  const { rule, key, options } = input
  const run = new EntityRun(options)
  const traffic = new Traffic(options?.keep ?? KEPT_WINDOWS, `${rule}/${key}/`, input.state)

  setHandler(windowsQuery, (last) => ({
    rule,
    key,
    total: traffic.total,
    duplicates: traffic.duplicates,
    malformed: traffic.malformed,
    tooLate: traffic.tooLate,
    windows: traffic.windows(last),
  }))
  setHandler(latestQuery, () => traffic.latest ?? null)
  setHandler(windowSignal, (summary) => {
    run.signalled()
    traffic.add(summary)
    setCurrentDetails(details(key, traffic.latest))
  })

  await serveEntity(run)
  await continueAsNew<typeof trafficWindow>({ ...input, state: traffic.toState() })
}

/** Markdown for the UI. */
function details(key: string, latest: TrafficWindow | undefined): string {
  if (latest === undefined) return `no requests of ${code(key)} yet`
  const { from, to, requests, errors, latencyMs } = latest
  const interval = `${new Date(from).toISOString()} + ${(to - from) / 1000} s`
  return `**${requests}** requests of ${code(key)} (${interval}), ${errors} errors, p99 ${latencyMs.p99} ms`
}
