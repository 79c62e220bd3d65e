import type { RecentIds } from '../recent-ids.ts'
import type { Backlog } from './backlog.ts'
import { withoutRecords } from './chunks.ts'
import { putBack, type Stock } from './memory.ts'
import { rowBytes } from './row.ts'
import type { Answered, Strict, Unanswered } from './strict.ts'

export interface AnswersParts {
  readonly stock: Stock
  readonly recent: RecentIds
  readonly strict: Strict
  readonly backlog: Backlog
}

/** What the answers to strict requests mean for their events: to go out, to be taken back, or a chunk to be cut. */
export class Answers {
  readonly #parts: AnswersParts

  constructor(parts: AnswersParts) {
    this.#parts = parts
  }

  /** The hot side has answered requests: `refused` are those that must have no effect. */
  take(kept: readonly number[], refused: readonly number[]): void {
    for (const one of this.#parts.strict.answer(kept, refused)) this.#conclude(one)
  }

  /** The hot side is gone: the next start delivers what is on disk, so it must not hold what was refused. */
  close(): void {
    for (const one of this.#parts.strict.leftOpen()) this.#cut(one)
  }

  #conclude(one: Answered): void {
    const { recent } = this.#parts
    // Nothing is left of them, so the same event may be offered again.
    for (const { id } of one.refused) recent.delete(id)
    if (one.refused.length === 0) this.#send(one)
    else if (one.refused.length === one.parcel.events) this.#takeBack(one)
    else this.#send(this.#cut(one))
  }

  /** Events of a paused rule stay on disk, from now on there only. */
  #send({ parcel, action }: Unanswered): void {
    const { stock, backlog } = this.#parts
    if (backlog.answered(parcel.handle, true)) return
    if (stock.paused.includes(action.action.rule) && putBack(stock, parcel)) return
    stock.outgoing.add(parcel, action, performance.now())
  }

  #takeBack({ parcel }: Answered): void {
    const { ledger, disk } = this.#parts.stock
    this.#parts.backlog.answered(parcel.handle, false)
    const entry = ledger.settle(parcel.handle, 'shed')
    if (entry !== undefined && entry.seq > 0) disk.remove(entry.seq)
  }

  /**
   * Takes records of refused requests out of their chunk. It keeps its id, for nobody has seen it: should the agent die
   * before the disk knows of the cut, the workflow tells the whole chunk by that id from the one that it has counted.
   */
  #cut({ parcel, action, refused }: Answered): Unanswered {
    const { ledger, disk } = this.#parts.stock
    const body = withoutRecords(parcel.body, new Set(refused.map(({ record }) => record)))
    const cut = { ...parcel, body, events: parcel.events - refused.length }
    const entry = ledger.cut(parcel.handle, refused.length, rowBytes(cut))
    if (entry !== undefined && entry.seq > 0) disk.cut(entry.seq, cut)
    return { parcel: cut, action }
  }
}
