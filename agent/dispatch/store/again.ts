import type { Disk } from './disk.ts'
import type { RowFilter } from './outbox-calls.ts'
import { isReplayed, replayId } from './replay-id.ts'
import { rowBytes, type StoredRow, type UnreadableRow } from './row.ts'
import { whereOf } from './outbox-view.ts'
import { stillOpen } from './still-open.ts'
import type { Steps } from './steps.ts'
import { newest, type Portion } from './windows.ts'

/** What is moved in one step and one commit: some milliseconds. */
const PORTION: Portion = { rows: 50, bytes: 256 * 1024 }

/** A row that waits once more. */
export interface Reopened {
  readonly rule: string
  readonly events: number
  readonly bytes: number
}

export interface Again {
  readonly disk: Pick<Disk, 'outbox'>
  readonly filter: RowFilter
  /** Told after each step of the rows that wait now. */
  readonly reopened: (rows: readonly Reopened[]) => void
  /** Told after each step of the rows that cannot be read, and stay where they are. */
  readonly unreadable: (rows: readonly UnreadableRow[]) => void
}

/** Dead letters are put back, under the same event ids: what Temporal has taken of them after all has no second effect. */
export function redrive(again: Again): Steps<void> {
  return moveAll('dead_letters', again, (row) => row)
}

/**
 * Delivered events are sent once more, under event ids of their own, so that they do have an effect again. Not those of
 * `meter` and `window`: what was counted is not to be counted twice. Nor those that were replayed themselves, unless one is
 * named: they have the time of the first ones, so a second replay of that time would send each of them twice, a third
 * four times.
 */
export function replay(again: Again, now = Date.now()): Steps<void> {
  const mark = now.toString(36)
  return moveAll('delivered', again, (row) => {
    const { kind } = objectOf(row.action, 'action') as { kind?: string }
    if (kind === 'meter' || kind === 'window' || (again.filter.id === undefined && isReplayed(row))) return undefined
    return renamed(row, replayId(row, mark))
  })
}

/** All rows that are there now; what comes meanwhile, perhaps of those that went, is not among them. */
function* moveAll(
  table: 'dead_letters' | 'delivered',
  { disk, filter, reopened, unreadable }: Again,
  change: (row: StoredRow) => StoredRow | undefined,
): Steps<void> {
  const outbox = stillOpen(disk)
  const wanted = { table, ...whereOf(filter) } as const
  const last = newest(outbox.db, table)
  for (let seq = 0; ;) {
    const moved = stillOpen(disk, outbox).moveBack(wanted, seq, PORTION, last, change)
    if (moved === undefined) return
    if (moved.rows.length > 0) reopened(moved.rows.map(amountOf))
    if (moved.unreadable.length > 0) unreadable(moved.unreadable)
    seq = moved.end
    yield
  }
}

/** The same event with another id; a workflow that is named by the event is another one too. */
function renamed(row: StoredRow, id: string): StoredRow {
  const body = JSON.stringify({ ...objectOf(row.body, 'body'), id })
  return { ...row, id, body, workflowId: row.workflowId === row.id ? id : row.workflowId }
}

function amountOf(row: StoredRow): Reopened {
  return { rule: row.rule, events: row.events, bytes: rowBytes(row) }
}

/** @throws {TypeError} it is none; the error of the parser would show a piece of it */
function objectOf(text: string, what: string): object {
  try {
    const value = JSON.parse(text) as unknown
    if (typeof value === 'object' && value !== null) return value
  } catch {
    // Told below.
  }
  throw new TypeError(`its ${what} is no JSON object`)
}
