import type { Disk } from './disk.ts'
import type { Ledger } from './ledger.ts'
import { rowBytes } from './row.ts'
import type { RowFilter } from './outbox-calls.ts'
import { whereOf } from './outbox-view.ts'
import { stillOpen } from './still-open.ts'
import type { Steps } from './steps.ts'
import { findAfter, newest, type Portion } from './windows.ts'

/** What is deleted in one step and one commit: some milliseconds. */
const PORTION: Portion = { rows: 200, bytes: Infinity }

export interface Purge {
  readonly disk: Pick<Disk, 'outbox'>
  readonly ledger: Ledger
  readonly filter: RowFilter
  /** Told after each step of the events that are gone. */
  readonly purged: (events: number) => void
}

/** Deletes dead letters, or delivered rows that are kept: those that are there now. */
export function* purge(table: 'dead_letters' | 'delivered', { disk, filter, purged }: Purge): Steps<void> {
  const outbox = stillOpen(disk)
  const wanted = { table, columns: 'events', ...whereOf(filter) }
  const last = newest(outbox.db, table)
  for (let seq = 0; ;) {
    const found = findAfter(stillOpen(disk, outbox).db, wanted, seq, PORTION, last)
    if (found === undefined) return
    const seqs = found.rows.map(({ seq: at }) => Number(at))
    purged(outbox.discard(table, seqs))
    seq = found.end
    yield
  }
}

/**
 * Deletes what waits on disk, which is counted as shed. Rows that are on their way to Temporal are left alone: nobody could
 * say what became of them.
 */
export function* purgePending({ disk, ledger, filter, purged }: Purge): Steps<void> {
  const outbox = stillOpen(disk)
  const wanted = { table: 'outbox', columns: 'rule, events, call, length(body) AS size', ...whereOf(filter) }
  const last = outbox.lastSeq
  for (let seq = 0; ;) {
    const found = findAfter(stillOpen(disk, outbox).db, wanted, seq, PORTION, last)
    if (found === undefined) return
    const resident = ledger.residentSeqs(seq, found.end)
    const rows = found.rows.filter(({ seq: at }) => !resident.has(Number(at)))
    const seqs = rows.map(({ seq: at }) => Number(at))
    outbox.discard('outbox', seqs)
    let events = 0
    for (const row of rows) {
      const count = Number(row['events'])
      const bytes = rowBytes({ body: '', call: String(row['call']) }) + Number(row['size'])
      ledger.settleRow(ledger.rowOfNext(String(row['rule']), count), 'shed', count, bytes)
      events += count
    }
    purged(events)
    seq = found.end
    yield
  }
}

/** Forgets rows that were delivered before `time`, oldest first. */
export function* forget(disk: Pick<Disk, 'outbox' | 'works'>, time: number): Steps<void> {
  const { outbox } = disk
  while (outbox !== undefined && disk.outbox === outbox && disk.works) {
    const { changes } = outbox.db
      .prepare(
        'DELETE FROM delivered WHERE seq IN (SELECT seq FROM delivered WHERE delivered_at < ? ORDER BY delivered_at LIMIT ?)',
      )
      .run(time, PORTION.rows)
    if (Number(changes) < PORTION.rows) return
    yield
  }
}
