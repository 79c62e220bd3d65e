import { isEnd } from './lanes.ts'
import { Ledger, type Sent } from './ledger.ts'
import type { Sightings } from './sightings.ts'

/** One event that must or may be there. */
export interface SentEvent {
  /** One, or those that a client has sent under one key. */
  readonly requests: readonly [Sent, ...Sent[]]
  /** Under which Temporal has it; several are too many. */
  readonly ids: readonly string[]
}

/** What was sent, event by event. */
export function eventsOf(sent: readonly Sent[], sightings: Sightings): readonly SentEvent[] {
  const byNumber = eventsByNumber(sightings)
  return [...byEvent(sent)].map((requests) => {
    const [{ lane, n }] = requests
    if (isEnd(lane.kind)) return { requests, ids: endedIds(requests[0], sightings) }
    return { requests, ids: lane.kind === 'start' ? startedIds(requests, sightings) : (byNumber.get(n) ?? []) }
  })
}

/** The requests of each event: one, or those that a client has sent under one key. */
function byEvent(sent: readonly Sent[]): Iterable<readonly [Sent, ...Sent[]]> {
  const events = new Map<number, [Sent, ...Sent[]]>()
  for (const one of sent) {
    const others = events.get(one.n)
    if (others === undefined) events.set(one.n, [one])
    else others.push(one)
  }
  return events.values()
}

/** Ids of the events in signals, by the number of their request. */
export function eventsByNumber({ entities }: Sightings): ReadonlyMap<number, readonly string[]> {
  const found = new Map<number, string[]>()
  for (const { events } of entities) {
    for (const [n, ids] of events) found.set(n, [...(found.get(n) ?? []), ...ids])
  }
  return found
}

/**
 * The workflows of an event. Without a key and an answer its id is not known. With a key none may have the id that a request
 * would have without it.
 */
function startedIds(requests: readonly Sent[], { starts }: Sightings): readonly string[] {
  const answered = requests.filter(({ requestId }) => requestId !== '')
  const unkeyed = answered.map((sent) => Ledger.eventId({ ...sent, keyed: false }))
  const ids = new Set([...requests.filter(({ keyed }) => keyed).map((sent) => Ledger.eventId(sent)), ...unkeyed])
  return [...ids].filter((id) => starts.has(id))
}

/** The event of a request that ends a workflow, if that was ended so; or if there is none, which leaves nothing to do. */
function endedIds(sent: Sent, { starts }: Sightings): readonly string[] {
  const target = starts.get(Ledger.targetOf(sent) ?? '')
  const done = target === undefined ? sent.outcome === 'ok' : target.ended === sent.lane.kind
  return done ? [Ledger.eventId(sent)] : []
}
