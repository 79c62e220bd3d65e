import { endedUnasked } from './ended.ts'
import { eventsByNumber, eventsOf } from './events.ts'
import { Ledger, type Sent } from './ledger.ts'
import { lossOf } from './loss.ts'
import type { Sightings } from './sightings.ts'
import { superseded } from './superseded.ts'

export interface Violation {
  readonly what:
    | 'lost'
    | 'unfinished'
    | 'doubled'
    | 'refused'
    | 'refused but delivered'
    | 'never sent'
    | 'astray'
    | 'miscounted'
    | 'malformed'
  /** Rule or workflow. */
  readonly where: string
  /** Event id, number of the request, or counts. */
  readonly which: string
}

export interface Verdict {
  readonly violations: readonly Violation[]
  /** Events of which a request was answered 200 and that were seen once. */
  readonly seen: number
  /** By rule, events that are not there because a later one of their key is. */
  readonly coalesced: Readonly<Record<string, number>>
  /** Events that an end of the agent took along, as documented. */
  readonly lostMemory: number
  readonly lostDurable: number
  /** How long before the kill the oldest of the lost durable events was answered, in milliseconds; 0 without any. */
  readonly durableWindowMs: number
  /** Requests without an answer, or refused, whose event was delivered all the same. */
  readonly unpromised: number
  /** Signals and records that workflow code has left out because they had come before, in the whole run. */
  readonly duplicates: number
  /** Runs of entities, in the whole run: those beyond one for each are of continue-as-new. */
  readonly runs: number
}

/**
 * `arrived`: Temporal has the event. `worked`: workflow code is done with it, which takes half a minute more where the
 * worker was killed while it did so.
 */
export type Stage = 'arrived' | 'worked'

export interface JudgeOptions {
  /** The first request to look at, by its place in the ledger; sightings are always looked at from the beginning. */
  readonly from?: number
  /** Default: `worked`. */
  readonly stage?: Stage
}

/** Compares what was sent with what Temporal and workflow code there have seen, event by event. */
export function judge(
  ledger: Ledger,
  sightings: Sightings,
  { from = 0, stage = 'worked' }: JudgeOptions = {},
): Verdict {
  const violations = [...ofEntities(sightings, stage), ...ofStarts(sightings), ...endedUnasked(ledger, sightings)]
  const verdict = { seen: 0, lostMemory: 0, lostDurable: 0, durableWindowMs: 0, unpromised: 0 }
  const events = eventsOf(ledger.sent.slice(from), sightings)
  const coalesced: Record<string, number> = {}
  const replaced = superseded(events, ledger)
  for (const { requests, ids } of events) {
    const [{ lane, n }] = requests
    const complain = (what: Violation['what'], { requestId, keyed, reason }: Sent = requests[0]): void =>
      void violations.push({
        what,
        where: lane.rule,
        which: `#${n} ${keyed ? 'sent twice ' : ''}${requestId} ${reason}`.trim(),
      })
    for (const sent of requests) if (sent.outcome !== 'ok' && !ledger.isExcused(sent)) complain('refused', sent)
    // Of these there is no event, but a count: see WindowBook.
    if (lane.kind === 'window') continue
    // That is done by workflow code, which need not have come to it.
    if (lane.kind === 'cancel' && stage === 'arrived') continue
    if (ids.length > 1) complain('doubled')
    if (
      stage === 'worked' &&
      lane.endedBy === undefined &&
      ids.some((id) => sightings.starts.get(id)?.completed === false)
    )
      complain('unfinished')
    const [first, ...others] = requests.filter(({ outcome }) => outcome === 'ok')
    if (first === undefined) {
      if (ids.length === 0) continue
      verdict.unpromised++
      if (requests.every((sent) => ledger.hasNoEvent(sent))) complain('refused but delivered')
    } else if (ids.length > 0) {
      const id = Ledger.eventId(first)
      if (ids.some((one) => one !== id)) complain('doubled', first)
      verdict.seen++
    } else if (replaced.has(first)) {
      coalesced[lane.rule] = (coalesced[lane.rule] ?? 0) + 1
    } else {
      const { what, sent, beforeMs } = lossOf([first, ...others], ledger)
      if (what === 'lost') complain(what, sent)
      else verdict[what]++
      verdict.durableWindowMs = Math.max(verdict.durableWindowMs, beforeMs)
    }
  }
  const numbers = new Set(ledger.sent.map(({ n }) => n))
  for (const n of eventsByNumber(sightings).keys()) {
    if (!numbers.has(n)) violations.push({ what: 'never sent', where: 'entity', which: `#${n}` })
  }
  const sum = (of: 'duplicates' | 'runs'): number => sightings.entities.reduce((total, one) => total + one[of], 0)
  return { violations, ...verdict, coalesced, duplicates: sum('duplicates'), runs: sum('runs') }
}

/** Signals are told apart by workflow code: what it counts must be what came, each once. */
function ofEntities({ entities }: Sightings, stage: Stage): Violation[] {
  return entities.flatMap(({ workflowId, distinct, counted, malformed }) => {
    const found: Violation[] = []
    if (malformed > 0) found.push({ what: 'malformed', where: workflowId, which: String(malformed) })
    if (stage === 'worked' ? counted !== distinct : (counted ?? 0) > distinct) {
      const which = `${distinct} different events, of which workflow code has counted ${counted}`
      found.push({ what: 'miscounted', where: workflowId, which })
    }
    return found
  })
}

function ofStarts({ starts, astray }: Sightings): Violation[] {
  const doubled = [...starts].filter(([, { runs }]) => runs.size > 1)
  return [
    ...doubled.map(([where, { runs }]) => ({ what: 'doubled' as const, where, which: [...runs].join(', ') })),
    ...[...astray].map((which) => ({ what: 'astray' as const, where: 'start', which })),
  ]
}
