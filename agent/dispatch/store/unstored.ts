import type { Parcel } from '../parcel.ts'
import { sidingOf } from './apart.ts'
import { roomOf, rowOf, type Stock } from './memory.ts'
import { rowBytes } from './row.ts'

/** Rows of one commit that catches up: some ten milliseconds, during which no strict event is told of. */
const BATCH = 2_000
const BATCH_BYTES = 4 * 1024 * 1024

/**
 * Parcels that are to be on disk and met one that took nothing. They are kept until it takes them: that they are on their
 * way to Temporal meanwhile does not help them when the agent stops before it is there. Bounded by what bounds the memory.
 */
export class Unstored {
  readonly #stock: Stock
  readonly #parcels = new Map<number, Parcel>()
  /** Of rules that are paused: not on their way. */
  readonly #held = new Set<number>()

  constructor(stock: Stock) {
    this.#stock = stock
  }

  get size(): number {
    return this.#parcels.size
  }

  /** @param held it belongs to a paused rule, and waits here only */
  add(parcel: Parcel, held = false): void {
    this.#parcels.set(parcel.handle, parcel)
    if (held) this.#held.add(parcel.handle)
  }

  /** The parcel has ended. */
  forget(handle: number): void {
    if (this.#parcels.size === 0) return
    this.#parcels.delete(handle)
    this.#held.delete(handle)
  }

  /** Parcels that wait here only although their rules go on: they are to be sent. */
  released(): Parcel[] {
    const { actions, paused } = this.#stock
    const parcels: Parcel[] = []
    for (const handle of this.#held) {
      const parcel = this.#parcels.get(handle)
      if (parcel === undefined || paused.includes(actions.at(parcel.action).action.rule)) continue
      this.#held.delete(handle)
      parcels.push(parcel)
    }
    return parcels
  }

  /** Stores what one commit takes, where the disk takes events again. */
  store(): void {
    const { actions, disk } = this.#stock
    const room = roomOf(this.#stock)
    if (this.#parcels.size === 0 || room.events <= 0) return
    const batch = this.#batch()
    const rows = batch.map((parcel) => {
      const action = actions.at(parcel.action)
      return rowOf({ ...parcel, action, bytes: 0, claims: [] })
    })
    const inserted = disk.insert(rows, room, true)
    batch.forEach((parcel, i) => {
      const seq = inserted?.[i]
      if (seq !== undefined && seq !== 'full') this.#stored(parcel, seq)
    })
  }

  /** Stores all that the disk takes now, whether or not it has failed a moment ago. */
  storeAll(): void {
    this.#stock.disk.retryNow()
    for (let before = Infinity; this.size > 0 && this.size < before;) {
      before = this.size
      this.store()
    }
  }

  #stored(parcel: Parcel, seq: number | 'duplicate'): void {
    const { ledger, disk, ahead } = this.#stock
    const { handle } = parcel
    const isHeld = this.#held.has(handle)
    this.forget(handle)
    // An earlier run has left the same event, which was not known while its outbox was out of reach.
    if (seq === 'duplicate') ledger.settle(handle, 'deduplicated')
    else {
      ledger.backUp(handle, seq, rowBytes(parcel))
      if (isHeld) ledger.unload(handle)
      // Else whoever reads rows comes to it, and sends it once more.
      else if (!disk.caughtUp || this.#isApart(parcel)) ahead.add(seq)
    }
  }

  #isApart({ action, workflowId }: Parcel): boolean {
    return sidingOf(this.#stock, this.#stock.actions.at(action), workflowId) !== undefined
  }

  #batch(): Parcel[] {
    const batch: Parcel[] = []
    let bytes = 0
    for (const parcel of this.#parcels.values()) {
      batch.push(parcel)
      bytes += rowBytes(parcel)
      if (batch.length === BATCH || bytes >= BATCH_BYTES) break
    }
    return batch
  }
}
