import { LANES } from './lanes.ts'
import type { Outcome, Sent } from './ledger.ts'
import type { EntitySight, Sightings } from './sightings.ts'

/** A request of the tenant acme, answered long before any other event of a test. */
export function request(rule: string, n: number, outcome: Outcome = 'ok', more: Partial<Sent> = {}): Sent {
  const lane = LANES.find((one) => one.rule === rule)
  if (lane === undefined) throw new Error(rule)
  const requestId = outcome === 'unknown' ? '' : `id-${n}`
  const times = { sentAt: 1_000, answeredAt: 1_010 }
  return { n, lane, tenant: 'acme', keyed: false, outcome, requestId, reason: '', ...times, ...more }
}

/** An entity with these events by number, all counted. */
export function entity(
  workflowId: string,
  events: Readonly<Record<number, readonly string[]>>,
  more: Partial<EntitySight> = {},
) {
  const map = new Map(Object.entries(events).map(([n, ids]) => [Number(n), new Set(ids)]))
  const distinct = new Set(Object.values(events).flat()).size
  return { workflowId, events: map, distinct, counted: distinct, malformed: 0, duplicates: 0, runs: 1, ...more }
}

/** What was seen: entities, and how often each workflow was started. */
export function seen(entities: readonly EntitySight[], starts: Readonly<Record<string, number>> = {}): Sightings {
  const sights = Object.entries(starts).map(([id, runs]) => {
    const ids = Array.from({ length: runs }, (_, i) => `run-${i}`)
    return [id, { runs: new Set(ids), completed: true }] as const
  })
  return { entities, starts: new Map(sights), astray: new Set() }
}
