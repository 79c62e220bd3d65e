import { leavesApart, sidingOf } from './apart.ts'
import { laneIdOf, type Stock } from './memory.ts'
import { Reach } from './reach.ts'
import { restore, type RestoreParts, type ReadRow, withAction } from './restore.ts'
import type { Siding } from './sidings.ts'

/** Rows and bytes read back at once: a page takes a few milliseconds, during which nothing is taken in. */
const PAGE = 1_000
const PAGE_BYTES = 1024 * 1024
/** Rows for which a page is not worth it. */
const FEW = 16
/** Rows in memory that the readers have not come to, beyond which those are looked for that are none any more. */
const AHEAD = 1_000

/** What waits on disk only: read back page by page, as memory gets room. */
export class Backlog {
  readonly #parts: RestoreParts
  readonly #stock: Stock
  readonly #reach: Reach

  constructor(parts: RestoreParts) {
    this.#parts = parts
    this.#stock = parts.stock
    this.#reach = new Reach(parts.stock.actions, parts.stock.sidings)
  }

  /** Whether every row that may be read is in memory. */
  get idle(): boolean {
    const { disk, sidings } = this.#stock
    return disk.caughtUp && sidings.size === 0
  }

  /** Reads rows back where there is room. Returns whether it came on, so that it is worth to ask again. */
  load(): boolean {
    if (this.idle) return false
    const { disk, ahead, sidings } = this.#stock
    const now = performance.now()
    const cameOn = [this.#loadNext(now), this.#loadApart(now)]
    sidings.endRead(disk.cursor)
    if (this.idle) ahead.clear()
    return cameOn.includes(true)
  }

  /** Rows are there that the reader has passed: it begins anew, and leaves out what is in memory. */
  rewind(): void {
    const { ledger, disk, ahead, sidings } = this.#stock
    ahead.clear()
    sidings.clear()
    for (const seq of ledger.residentSeqs()) ahead.add(seq)
    disk.rewind()
  }

  /** Forgets rows that are gone before a reader came to them: where rows wait for days, they would become many. */
  prune(): void {
    const { ledger, disk, ahead } = this.#stock
    if (ahead.size <= AHEAD) return
    disk.flush()
    // What is settled and still on disk must not be read once more.
    if (disk.departing > 0) return
    const resident = ledger.residentSeqs()
    for (const seq of ahead) if (!resident.has(seq)) ahead.delete(seq)
  }

  /**
   * To be called now and then: a namespace that has come on since, or has room, gets free by itself. In any other the lanes
   * that hold its share are set apart, so that the rest of it is for those behind them.
   */
  watch(): void {
    const { sidings, shares } = this.#stock
    for (const siding of sidings.inTurn) {
      if (siding.kind !== 'namespace') continue
      if (shares.isHalfFree(siding.name)) siding.stalled = false
      else if (siding.cursor === siding.seen) siding.stalled = true
      siding.seen = siding.cursor
    }
  }

  /** The outbox is out of reach for good. */
  forget(): void {
    this.#stock.ahead.clear()
    this.#stock.sidings.clear()
  }

  /**
   * The request of a strict event was answered. One that waits apart is left to its row, behind those before it.
   *
   * @param kept false: its row is not wanted any more
   * @returns whether the event is not to be sent now
   */
  answered(handle: number, kept: boolean): boolean {
    const { ledger, ahead, sidings } = this.#stock
    const seq = ledger.entry(handle)?.seq ?? 0
    if (!sidings.unanswered.delete(seq)) return false
    if (kept) ledger.unload(handle)
    else ahead.add(seq)
    return true
  }

  /** The next page of all rows but those that wait, or stay, apart. It needs no room: what has none is left apart. */
  #loadNext(now: number): boolean {
    const { disk, ahead, paused } = this.#stock
    if (disk.caughtUp) return false
    const from = disk.cursor
    for (const row of disk.page(PAGE, PAGE_BYTES, { except: paused, where: (stored) => this.#reach.ofAll(stored) })) {
      const read = withAction(this.#stock, row)
      // Whoever reads it later has to know that it is in memory.
      if (this.#isApart(read) || ahead.delete(row.seq)) continue
      if ('error' in read || !leavesApart(this.#stock, read.action, read.row, row.seq)) restore(this.#parts, read, now)
    }
    return disk.cursor > from
  }

  /** The next page of what waits apart: of that whose turn it is among those that have room. */
  #loadApart(now: number): boolean {
    for (const siding of this.#stock.sidings.inTurn) {
      const wanted = this.#wanted(siding)
      if (wanted > 0 && this.#loadOf(siding, Math.min(wanted, PAGE), now)) return true
    }
    return false
  }

  /** How many rows are to be read for the siding: none before there is room for as many as are worth a look. */
  #wanted({ kind, name, workflowId, behind, cursor, stalled }: Siding): number {
    const { sidings, holding, shares } = this.#stock
    if (sidings.unanswered.has(cursor + 1)) return 0
    if (behind !== undefined && shares.wanted(behind.namespace, behind.workflowId) === 0) return 0
    if (kind === 'rule') return holding.wanted(name)
    if (kind === 'lane') return shares.wanted(name, workflowId)
    if (shares.isHalfFree(name)) return PAGE
    const room = stalled ? shares.roomFor(name) : 0
    return room < FEW ? 0 : room
  }

  #loadOf(siding: Siding, limit: number, now: number): boolean {
    const { disk, ahead, sidings, paused } = this.#stock
    const from = siding.cursor
    const where = (stored: Parameters<Reach['ofSiding']>[0]) => this.#reach.ofSiding(stored, siding)
    const { rows, end } = disk.pageAfter(from, limit, PAGE_BYTES, { except: paused, where })
    const last = Math.min(end, sidings.endOf(siding, disk.cursor))
    siding.behind = undefined
    let to = last
    for (const row of rows) {
      if (row.seq > last) break
      const read = withAction(this.#stock, row)
      if (sidings.unanswered.has(row.seq) || this.#isFull(siding, read)) {
        to = row.seq - 1
        break
      }
      // Left to their lane.
      if (siding.kind === 'namespace' && this.#isOfLaneApart(read)) continue
      if (!ahead.delete(row.seq)) restore(this.#parts, read, now)
    }
    if (to > from) sidings.advance(siding, to)
    return to > from
  }

  #isApart(read: ReadRow): boolean {
    return !('error' in read) && sidingOf(this.#stock, read.action, read.row.workflowId) !== undefined
  }

  #isOfLaneApart(read: ReadRow): boolean {
    return !('error' in read) && this.#stock.sidings.ofLane(read.action.namespace, read.row.workflowId) !== undefined
  }

  /** Whether the siding cannot be read beyond this row, for there is no room. A lane that lacks it is set apart. */
  #isFull(siding: Siding, read: ReadRow): boolean {
    if ('error' in read || (siding.kind === 'namespace' && this.#isOfLaneApart(read))) return false
    const { row, action } = read
    const { shares, holding, sidings } = this.#stock
    const { namespace } = action
    const workflowId = laneIdOf(row)
    const lacking = shares.lacking(namespace, workflowId)
    if (lacking === undefined && (siding.kind !== 'rule' || holding.hasRoom(siding.name))) return false
    if (siding.kind === 'namespace' && (lacking === 'lane' || (lacking === 'crowded' && siding.stalled))) {
      if (sidings.beginLane(namespace, workflowId, row.seq - 1)) return false
    }
    // What its own room does not tell.
    if (lacking !== undefined && siding.kind !== 'lane') {
      siding.behind = { namespace, workflowId: lacking === 'lane' ? workflowId : '' }
    }
    return true
  }
}
