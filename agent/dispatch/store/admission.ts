import type { WorkflowAction } from '../command.ts'
import { GLOBAL, type Counters } from '../counters.ts'
import type { Parcel } from '../parcel.ts'
import type { RecentIds } from '../recent-ids.ts'
import type { Incoming } from './incoming.ts'
import { leavesApart } from './apart.ts'
import { laneIdOf, laneOf, parcelOf, roomOf, rowOf, type Stock } from './memory.ts'
import { isShaped } from './outgoing.ts'
import type { Inserted } from './outbox.ts'
import { rowBytes } from './row.ts'
import type { Strict } from './strict.ts'
import type { Unstored } from './unstored.ts'

/** Strict events beyond the share of their namespace. */
const OVERTAKING = 2_000

export interface AdmissionParts {
  readonly stock: Stock
  readonly counters: Counters
  readonly recent: RecentIds
  readonly strict: Strict
  readonly unstored: Unstored
}

/** Lets events in: to the disk in one commit, to memory where there is room, and into the books. */
export class Admission {
  readonly #parts: AdmissionParts

  constructor(parts: AdmissionParts) {
    this.#parts = parts
  }

  /** Durable events are on disk when this returns. */
  admit(incoming: readonly Incoming[]): void {
    const stored: Incoming[] = []
    const rest: Incoming[] = []
    for (const one of incoming) (this.#isStored(one) ? stored : rest).push(one)
    if (stored.length > 0) this.#store(stored)
    for (const one of rest) this.#keep(one, 0)
  }

  /** Rules that are paused or hold too much leave everything on disk, whatever its class: it would fill the memory. */
  #isStored({ action: { action } }: Incoming): boolean {
    const waitsApart = this.#waitsApart(action)
    return waitsApart || action.delivery !== 'memory' || this.#parts.stock.paused.includes(action.rule)
  }

  /** Whether what comes of the rule waits on disk apart from the others. From now on, where it holds too much now. */
  #waitsApart(action: WorkflowAction): boolean {
    const { sidings, holding, disk } = this.#parts.stock
    const { rule } = action
    if (!isShaped(action)) return false
    if (sidings.ofRule(rule) !== undefined) return true
    if (holding.hasRoom(rule) || !disk.works) return false
    sidings.beginRule(rule, disk.cursor)
    return true
  }

  #store(incoming: readonly Incoming[]): void {
    const { stock } = this.#parts
    const { disk, paused, sidings, ahead } = stock
    // Rows that come after others on disk wait behind them.
    const isNext = disk.caughtUp
    const inserted = disk.insert(incoming.map(rowOf), roomOf(stock), isNext)
    incoming.forEach((one, i) => {
      const result = inserted?.[i]
      const isStrict = one.claims.length > 0
      if (result === undefined) this.#unstored(one)
      else if (typeof result === 'string') this.#refused(one, result)
      // No reader comes to rows of paused rules: all rows are read anew when one is resumed.
      else if (paused.includes(one.action.action.rule)) {
        if (isStrict) this.#keep(one, result)
        else this.#spill(one)
      } else {
        const isApart = isNext && leavesApart(stock, one.action, one, result)
        // Strict events wait in memory for the answer to their requests, whatever waits on disk or is paused.
        if (!isStrict && (isApart || !isNext)) this.#spill(one)
        else {
          if (isApart && !this.#mayOvertake(one)) sidings.unanswered.add(result)
          else if (isApart || !isNext) ahead.add(result)
          this.#keep(one, result)
        }
      }
    })
  }

  /** Strict events that have no lane do not wait behind their namespace, as long as they are not too many for the memory. */
  #mayOvertake(one: Incoming): boolean {
    return laneIdOf(one) === '' && !isShaped(one.action.action) && this.#parts.stock.ahead.size < OVERTAKING
  }

  #refused(one: Incoming, result: Exclude<Inserted, number>): void {
    const { strict } = this.#parts
    const isFull = result === 'full'
    // Not taken, so the same event may be offered again.
    if (isFull) this.#forget(one)
    this.#refuse(one, isFull ? 'shed' : 'deduplicated')
    if (isFull) strict.failed(one.claims)
    else strict.duplicates(one.claims)
  }

  /** The disk takes nothing: strict events are refused, durable ones wait in memory. */
  #unstored(one: Incoming): void {
    const { counters, strict, unstored } = this.#parts
    if (one.action.action.delivery === 'strict') {
      this.#forget(one)
      this.#refuse(one, 'shed')
      strict.failed(one.claims)
      return
    }
    counters.addGlobal(GLOBAL.unstored, one.events)
    unstored.add(this.#keep(one, 0))
  }

  /** Of a chunk, its own id was never remembered, but those of its records were. */
  #forget({ id, claims }: Incoming): void {
    const { recent } = this.#parts
    recent.delete(id)
    for (const claim of claims) recent.delete(claim.id)
  }

  #refuse({ action, events, bytes }: Incoming, outcome: 'shed' | 'deduplicated'): void {
    const { ledger } = this.#parts.stock
    ledger.refuse(ledger.row(action.action.rule), outcome, events, bytes)
  }

  #spill(one: Incoming): void {
    const { stock } = this.#parts
    stock.ledger.spill(stock.ledger.row(one.action.action.rule), one.events, one.bytes, rowBytes(one))
  }

  #keep(one: Incoming, seq: number): Parcel {
    const { stock, strict } = this.#parts
    const { action, at, events, bytes } = one
    const handle = ++stock.handles
    const row = stock.ledger.row(action.action.rule)
    const lane = seq > 0 ? laneOf(stock, action, one) : undefined
    const bytesOfRow = seq > 0 ? rowBytes(one) : 0
    stock.ledger.keep(handle, { row, seq, events, bytes, rowBytes: bytesOfRow, from: 'hot', at, lane })
    const parcel = parcelOf(one, handle)
    if (one.claims.length > 0) strict.stored(one.claims, { parcel, action })
    else stock.outgoing.add(parcel, action, performance.now())
    return parcel
  }
}
