import { LineBudget } from '../../line-budget.ts'
import { type Counters, GLOBAL } from '../counters.ts'
import type { DeadParcel } from '../parcel.ts'
import type { Log } from '../protocol.ts'
import type { StoreActions } from './actions.ts'
import type { Disk } from './disk.ts'
import type { Ledger } from './ledger.ts'
import type { Unstored } from './unstored.ts'

/** Milliseconds within which deleted dead letters are told of together: a burst is one line, a flood one a minute. */
const BURST_MS = 60_000

export interface BurialParts {
  readonly disk: Disk
  readonly ledger: Ledger
  readonly unstored: Unstored
  readonly actions: StoreActions
  readonly counters: Counters
  readonly log: Log
}

/** What becomes of events that Temporal refuses for good: kept where a disk can take them, counted, and told of. */
export class Burials {
  readonly #parts: BurialParts
  readonly #lines = new LineBudget()
  #untold = 0
  #toldAt = -Infinity

  constructor(parts: BurialParts) {
    this.#parts = parts
  }

  bury({ parcel, reason, attempts }: DeadParcel): void {
    const { ledger, unstored, disk, actions, counters, log } = this.#parts
    const entry = ledger.settle(parcel.handle, 'deadLettered')
    if (entry === undefined) return
    if (entry.seq > 0) disk.bury(entry.seq, reason, attempts)
    else unstored.forget(parcel.handle)
    const { action, content } = actions.at(parcel.action)
    const row = { ...parcel, action: content, rule: action.rule }
    const kept = entry.seq > 0 || disk.keepDead(row, reason, attempts)
    counters.addGlobal(kept ? GLOBAL.deadLetters : GLOBAL.deadLettersDropped, entry.events)
    const suppressed = this.#lines.take()
    if (suppressed === undefined) return
    const { id: eventId, workflowId } = parcel
    const rule = counters.names[entry.row]
    const fields = { eventId, rule, workflowId, attempts, reason, ...(suppressed > 0 && { suppressed }) }
    const fate = kept ? 'kept in the dead letters' : 'lost, as there is no disk to keep it'
    log.error(fields, `Temporal refuses an event for good: ${fate}`)
  }

  /**
   * The dead letters of the outbox are others now.
   *
   * @param events that are kept
   * @param dropped events that were deleted to keep the bounds
   */
  changed(events: number, dropped: number, now = performance.now()): void {
    const { counters, log } = this.#parts
    counters.global[GLOBAL.deadLetters] = events
    counters.addGlobal(GLOBAL.deadLettersDropped, dropped)
    this.#untold += dropped
    if (this.#untold === 0 || now - this.#toldAt < BURST_MS) return
    log.warn({ events: this.#untold }, 'more dead letters than outbox.maxDeadLetters allows: the oldest are deleted')
    this.#untold = 0
    this.#toldAt = now
  }
}
