import { continueAsNew, defineQuery, defineSignal, setHandler } from '@temporalio/workflow'
import { EVENT_SIGNAL, type EdgeEvent, type EntityInput } from '../../agent/messages.ts'
import { currentActor } from '../interceptors/workflow-actor.ts'
import { ENTITY_DEFAULTS, EntityRun, serveEntity, type EntityOptions } from './entity.ts'
import { Trail, type TrailEntry, type TrailState } from './trail.ts'

/** Input of {@link auditTrail}; the agent sends rule and key only. */
export interface AuditTrailInput extends EntityInput<TrailState> {
  readonly options?: EntityOptions
}

/** Answer of the query `trail`. */
export interface AuditTrail {
  readonly rule: string
  readonly key: string
  /** Events ever recorded, those that left the trail included. */
  readonly total: number
  /** Events that came again and were not recorded again. */
  readonly duplicates: number
  readonly malformed: number
  /** The last 100 events, oldest first. */
  readonly entries: readonly TrailEntry[]
}

export const eventSignal = defineSignal<[EdgeEvent]>(EVENT_SIGNAL)
export const trailQuery = defineQuery<AuditTrail>('trail')

/** Keeps the last 100 events of one caller: an entity workflow. Signal `event` adds one, query `trail` tells them. */
export async function auditTrail(input: AuditTrailInput): Promise<void> {
  const run = new EntityRun(input.options)
  const trail = new Trail(input.options?.seenIds ?? ENTITY_DEFAULTS.seenIds, input.state)

  setHandler(trailQuery, () => ({
    rule: input.rule,
    key: input.key,
    total: trail.total,
    duplicates: trail.duplicates,
    malformed: trail.malformed,
    entries: trail.entries,
  }))
  setHandler(eventSignal, (event) => {
    run.signalled()
    trail.add(event, currentActor())
  })

  await serveEntity(run)
  await continueAsNew<typeof auditTrail>({ ...input, state: trail.toState() })
}
