import { GLOBAL, SLOT, type Counters } from './counters.ts'

/** What the hot side has accepted and not posted. */
export interface Buffered {
  /** Events by counter row. */
  readonly events: ReadonlyMap<number, number>
  /** Bytes of their frames. */
  readonly bytes: number
}

const NOTHING: Buffered = { events: new Map(), bytes: 0 }

/**
 * Settles the books of threads that are gone; only then may their slots be written here. What was in memory is shed.
 *
 * @param restart what survives the threads, when others are to take their place: rows of the outbox are taken out then,
 *   because the next store thread counts them as recovered
 * @returns events that are lost
 */
export function writeOff(counters: Counters, restart: Buffered | undefined): number {
  const waiting = restart ?? NOTHING
  let lost = 0
  let kept = 0
  counters.names.forEach((_, row) => {
    const here = waiting.events.get(row) ?? 0
    const untaken = counters.untaken(row) - here
    const inMemory = counters.get(row, SLOT.inMemory)
    counters.add(row, SLOT.shedHot, untaken)
    counters.add(row, SLOT.shed, inMemory)
    counters.add(row, SLOT.inMemory, -inMemory)
    if (restart !== undefined) {
      const stored = counters.get(row, SLOT.stored)
      counters.add(row, SLOT.recovered, -stored)
      counters.add(row, SLOT.stored, -stored)
    }
    lost += untaken + inMemory
    kept += here
  })
  const { global } = counters
  global[GLOBAL.released] = counters.getGlobal(GLOBAL.accepted) - kept
  global[GLOBAL.releasedBytes] = counters.getGlobal(GLOBAL.acceptedBytes) - waiting.bytes
  global[GLOBAL.inFlight] = 0
  if (restart !== undefined) {
    global[GLOBAL.stored] = 0
    global[GLOBAL.storedBytes] = 0
  }
  return lost
}
