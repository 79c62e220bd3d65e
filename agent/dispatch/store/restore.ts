import { GLOBAL, type Counters } from '../counters.ts'
import type { Log } from '../protocol.ts'
import type { RecentIds } from '../recent-ids.ts'
import type { StoreAction } from './incoming.ts'
import { laneOf, parcelOf, type Stock } from './memory.ts'
import { rowBytes, type StoredRow, type UnreadableRow } from './row.ts'

export interface RestoreParts {
  readonly stock: Stock
  readonly counters: Counters
  readonly recent: RecentIds
  readonly log: Log
}

/** A row that was read, and its action where it has one. */
export type ReadRow = { readonly row: StoredRow; readonly action: StoreAction } | UnreadableRow

/** The row with its action; without one nobody can deliver it. */
export function withAction({ actions }: Stock, row: StoredRow | UnreadableRow): ReadRow {
  if ('error' in row) return row
  const action = actions.ofRow(row.action)
  if (action !== undefined) return { row, action }
  const { seq, rule, events } = row
  return { seq, rule, events, error: 'its action is none' }
}

/** A row that was read goes on its way, or to the dead letters when it cannot be read. @param now monotonic */
export function restore({ stock, counters, recent, log }: RestoreParts, read: ReadRow, now: number): void {
  const { ledger, disk, outgoing } = stock
  if ('error' in read) {
    const { seq, rule, events, error } = read
    const reason = `UNREADABLE: ${String(error)}`
    log.error({ seq, rule, reason }, 'a row of the outbox cannot be read: moved to the dead letters')
    disk.bury(seq, reason, 0)
    ledger.settleRow(ledger.rowOfNext(rule, events), 'deadLettered', events, 0)
    counters.addGlobal(GLOBAL.deadLetters, events)
    return
  }
  const { row, action } = read
  const { seq, at, events } = row
  const handle = ++stock.handles
  const bytes = rowBytes(row)
  if (action.action.kind !== 'meter') recent.add(row.id)
  const counted = ledger.rowOfNext(row.rule, events)
  const lane = laneOf(stock, action, row)
  ledger.load(handle, { row: counted, seq, events, bytes, rowBytes: bytes, from: 'disk', at, lane })
  outgoing.add(parcelOf({ ...row, action, bytes, claims: [] }, handle), action, now)
}
