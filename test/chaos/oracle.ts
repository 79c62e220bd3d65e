import { Ledger, type Sent } from './ledger.ts'
import type { Sightings } from './sightings.ts'

/**
 * Milliseconds before a kill of the agent within which an event of the class `durable` may still be on its way to the
 * disk. A commit takes some; a machine with other work may not let the agent write for far longer.
 */
export const DURABLE_WINDOW_MS = 1_000

export interface Violation {
  readonly what: 'lost' | 'doubled' | 'refused' | 'refused but delivered' | 'never sent' | 'miscounted' | 'malformed'
  /** Rule or workflow. */
  readonly where: string
  /** Event id, number of the request, or counts. */
  readonly which: string
}

export interface Verdict {
  readonly violations: readonly Violation[]
  /** Events whose requests were answered 200 and that were seen once. */
  readonly seen: number
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
  const violations = [...ofEntities(sightings, stage), ...ofStarts(sightings)]
  const byNumber = eventsByNumber(sightings)
  const verdict = { seen: 0, lostMemory: 0, lostDurable: 0, durableWindowMs: 0, unpromised: 0 }
  for (const sent of ledger.sent.slice(from)) {
    const { lane, n, outcome, requestId } = sent
    const ids = lane.kind === 'start' ? startedIds(sent, sightings, stage) : (byNumber.get(n) ?? [])
    const complain = (what: Violation['what']): void =>
      void violations.push({ what, where: lane.rule, which: `#${n} ${requestId} ${sent.reason}`.trim() })
    if (ids.length > 1) complain('doubled')
    if (outcome !== 'ok') {
      if (!ledger.isExcused(sent)) complain('refused')
      if (ids.length > 0) verdict.unpromised++
      // The agent has said that there is no event.
      if (ids.length > 0 && sent.reason.includes('event_not_stored') && !ledger.mayHaveEvent(sent)) {
        complain('refused but delivered')
      }
      continue
    }
    if (ids.length > 0) {
      if (ids.some((id) => id !== Ledger.eventId(sent))) complain('doubled')
      verdict.seen++
      continue
    }
    const before = untilNext(sent, ledger.kills)
    const forgotten = before !== undefined || untilNext(sent, ledger.cutShort) !== undefined
    if (lane.delivery === 'memory' && forgotten) verdict.lostMemory++
    else if (lane.delivery === 'durable' && before !== undefined && before < DURABLE_WINDOW_MS) {
      verdict.lostDurable++
      verdict.durableWindowMs = Math.max(verdict.durableWindowMs, before)
    } else complain('lost')
  }
  const numbers = new Set(ledger.sent.map(({ n }) => n))
  for (const n of byNumber.keys()) {
    if (!numbers.has(n)) violations.push({ what: 'never sent', where: 'entity', which: `#${n}` })
  }
  const sum = (of: 'duplicates' | 'runs'): number => sightings.entities.reduce((total, one) => total + one[of], 0)
  return { violations, ...verdict, duplicates: sum('duplicates'), runs: sum('runs') }
}

/** Milliseconds from the answer to the next end of the agent; undefined without one. */
function untilNext({ sentAt, answeredAt }: Sent, ends: readonly number[]): number | undefined {
  const next = ends.find((at) => at >= sentAt)
  return next === undefined ? undefined : Math.max(0, next - answeredAt)
}

function eventsByNumber({ entities }: Sightings): ReadonlyMap<number, readonly string[]> {
  const found = new Map<number, string[]>()
  for (const { events } of entities) {
    for (const [n, ids] of events) found.set(n, [...(found.get(n) ?? []), ...ids])
  }
  return found
}

/** The workflow of a request, if there is one. Without an answer its id is not known. */
function startedIds(sent: Sent, { starts }: Sightings, stage: Stage): readonly string[] {
  if (sent.requestId === '') return []
  const id = Ledger.eventId(sent)
  const sight = starts.get(id)
  return sight !== undefined && (sight.completed || stage === 'arrived') ? [id] : []
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

function ofStarts({ starts }: Sightings): Violation[] {
  return [...starts]
    .filter(([, { runs }]) => runs.size > 1)
    .map(([workflowId, { runs }]) => ({ what: 'doubled', where: workflowId, which: [...runs].join(', ') }))
}
