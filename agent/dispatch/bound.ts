import type { WorkflowAction, Worth } from './command.ts'
import { GLOBAL, type Counters } from './counters.ts'
import type { Bounds } from './protocol.ts'

/** How full it may be for an event of that worth to be taken. */
const ROOM: Readonly<Record<Worth, number>> = { low: 0.7, normal: 0.9, high: 1 }

/** What an event is worth where its rule does not say: what bills are made of is shed last. */
export function worthOf({ worth, kind, delivery }: WorkflowAction): Worth {
  return worth ?? (kind === 'meter' || delivery === 'strict' ? 'high' : 'normal')
}

/**
 * Whether there is room, in memory and for durable events on disk: the less an event is worth, the sooner there is none.
 * Reads counters that the store thread writes, so it may be some milliseconds behind.
 */
export class Bound {
  readonly #counters: Counters
  readonly #bounds: Bounds

  constructor(counters: Counters, bounds: Bounds) {
    this.#counters = counters
    this.#bounds = bounds
  }

  refuses(action: WorkflowAction): boolean {
    const { global } = this.#counters
    const { maxEvents, maxBytes, maxStored, maxStoredBytes } = this.#bounds
    const room = ROOM[worthOf(action)]
    const events = (global[GLOBAL.accepted] ?? 0) - (global[GLOBAL.released] ?? 0)
    if (events >= maxEvents * room) return true
    const bytes = (global[GLOBAL.acceptedBytes] ?? 0) - (global[GLOBAL.releasedBytes] ?? 0)
    if (bytes >= maxBytes * room) return true
    if (action.delivery === 'memory') return false
    return (
      (global[GLOBAL.stored] ?? 0) >= maxStored * room || (global[GLOBAL.storedBytes] ?? 0) >= maxStoredBytes * room
    )
  }
}
