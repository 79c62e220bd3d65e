import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite'
import type { Amount } from './outbox.ts'
import { type NewRow, ROW_BYTES, rowBytes } from './row.ts'
import { COLUMNS } from './schema.ts'

/** Bounds on dead letters, and who is told of them. */
export interface DeadOptions {
  readonly bounds: Amount
  /** Told after a commit that changed them: events that are kept now, and events that were deleted to keep the bounds. */
  readonly changed: (events: number, dropped: number) => void
}

/** For a file that is only looked at, and put right, by its operator. */
export const UNBOUNDED: DeadOptions = { bounds: { events: Infinity, bytes: Infinity }, changed() {} }

/** Rows that one commit deletes beside those that it brings: some milliseconds, also where a bound has become smaller. */
const STEP = 1_000

/** Bytes of a dead letter. Their lengths are told without reading the texts. */
const SIZE = `${ROW_BYTES} + octet_length(body) + octet_length(call) + octet_length(reason)`

interface Why {
  readonly reason: string
  readonly attempts: number
}

/**
 * The dead letters of an outbox. They come with its commits, as departures do: whoever can make events that Temporal refuses
 * must not cost the thread a commit for each. Bounded for the same reason; the oldest make room.
 */
export class DeadLetters {
  readonly #options: DeadOptions
  readonly #columnsOf: (row: NewRow) => SQLInputValue[]
  readonly #count: StatementSync
  readonly #bury: StatementSync
  readonly #leave: StatementSync
  readonly #take: StatementSync
  readonly #forgetRow: StatementSync
  readonly #add: StatementSync
  readonly #forget: StatementSync
  readonly #dropOldest: StatementSync
  /** In the table as it was committed, and as the transaction under way leaves it. */
  #committed = { rows: 0, events: 0, bytes: 0 }
  #now = { ...this.#committed }
  #dropped = 0
  #isChanged = false
  /** Of rows of the outbox. */
  #burials: (Why & { readonly seq: number })[] = []
  /** Of events that have no row. */
  #letters: (Why & { readonly row: NewRow })[] = []
  #waitingBytes = 0

  /** @param columnsOf gives {@link COLUMNS} of a row, inside a transaction */
  constructor(db: DatabaseSync, options: DeadOptions, columnsOf: (row: NewRow) => SQLInputValue[]) {
    this.#options = options
    this.#columnsOf = columnsOf
    const returning = `RETURNING events, ${SIZE} AS bytes`
    this.#count = db.prepare(
      `SELECT count(*) AS row_count, coalesce(sum(events), 0) AS events, coalesce(sum(${SIZE}), 0) AS bytes FROM dead_letters`,
    )
    this.#bury = db.prepare(
      `INSERT INTO dead_letters (${COLUMNS}, reason, attempts, dead_at)
       SELECT ${COLUMNS}, ?, ?, ? FROM outbox WHERE seq = ? ${returning}`,
    )
    this.#leave = db.prepare('DELETE FROM outbox WHERE seq = ?')
    this.#take = db.prepare(`DELETE FROM dead_letters WHERE seq = ? ${returning}`)
    const values = COLUMNS.replaceAll(/\w+/g, '?')
    this.#add = db.prepare(
      `INSERT INTO dead_letters (${COLUMNS}, reason, attempts, dead_at) VALUES (${values}, ?, ?, ?) ${returning}`,
    )
    this.#forget = db.prepare(`DELETE FROM dead_letters WHERE id = ? ${returning}`)
    this.#forgetRow = db.prepare(
      `DELETE FROM dead_letters WHERE id = (SELECT id FROM outbox WHERE seq = ?) ${returning}`,
    )
    this.#dropOldest = db.prepare(
      `DELETE FROM dead_letters WHERE seq = (SELECT min(seq) FROM dead_letters) ${returning}`,
    )
  }

  /** Bytes of those that have no row and wait for the next commit. */
  get waitingBytes(): number {
    return this.#waitingBytes
  }

  /** Rows of the outbox that leave it with the next commit. */
  get departing(): number {
    return this.#burials.length
  }

  /** Whether the next commit has something to do for them. */
  get due(): boolean {
    return this.#burials.length + this.#letters.length > 0 || this.#isOver
  }

  /** Events in the table, as of the last commit: known once they were counted. */
  get events(): number {
    return this.#committed.events
  }

  /** Counts what is in the table, which nothing else does. @throws an error of node:sqlite */
  recount(): void {
    const row = this.#count.get()
    this.#now = { rows: Number(row?.['row_count']), events: Number(row?.['events']), bytes: Number(row?.['bytes']) }
    this.#committed = { ...this.#now }
    this.#options.changed(this.#now.events, 0)
  }

  /** The event of a row of the outbox can never be delivered: it moves here with the next commit. */
  bury(seq: number, reason: string, attempts: number): void {
    this.#burials.push({ seq, reason, attempts })
  }

  /** An event that never had a row is kept here with the next commit. */
  add(row: NewRow, reason: string, attempts: number): void {
    this.#letters.push({ row, reason, attempts })
    this.#waitingBytes += rowBytes(row)
  }

  /** A dead letter goes, inside a transaction. Returns its events; 0 when it is gone already. */
  take(seq: number): number {
    return this.#counted(this.#take.get(seq), -1)
  }

  /** Does it all, inside a transaction. Nothing is forgotten before {@link committed}: the transaction may fail. */
  apply(now: number): void {
    if (!this.due) return
    // The same event may have died before: the later letter takes the place of the earlier one.
    for (const { seq, reason, attempts } of this.#burials) {
      this.#counted(this.#forgetRow.get(seq), -1)
      this.#counted(this.#bury.get(reason, attempts, now, seq), 1)
      this.#leave.run(seq)
    }
    for (const { row, reason, attempts } of this.#letters) {
      this.#counted(this.#forget.get(row.id), -1)
      this.#counted(this.#add.get(...this.#columnsOf(row), reason, attempts, now), 1)
    }
    const steps = STEP + this.#burials.length + this.#letters.length
    for (let step = 0; step < steps && this.#isOver; step++) {
      this.#dropped += this.#counted(this.#dropOldest.get(), -1)
    }
  }

  /** The transaction has been committed. */
  committed(): void {
    // Also where their rows are gone and nothing came of them: else they would be due for ever.
    this.#burials = []
    this.#letters = []
    this.#waitingBytes = 0
    if (!this.#isChanged) return
    this.#isChanged = false
    this.#committed = { ...this.#now }
    const dropped = this.#dropped
    this.#dropped = 0
    this.#options.changed(this.#committed.events, dropped)
  }

  /** The transaction has been rolled back. */
  rolledBack(): void {
    this.#now = { ...this.#committed }
    this.#dropped = 0
    this.#isChanged = false
  }

  /** The file is given up. Returns the events of those that have no row: nobody keeps them. */
  abandon(): number {
    const events = this.#letters.reduce((sum, { row }) => sum + row.events, 0)
    this.#letters = []
    return events
  }

  get #isOver(): boolean {
    const { bounds } = this.#options
    const { rows, events, bytes } = this.#now
    // The newest one stays, however large it is.
    return rows > 1 && (events > bounds.events || bytes > bounds.bytes)
  }

  /** @returns the events of the row */
  #counted(row: Record<string, unknown> | undefined, sign: 1 | -1): number {
    if (row === undefined) return 0
    const events = Number(row['events'])
    this.#isChanged = true
    this.#now.rows += sign
    this.#now.events += sign * events
    this.#now.bytes += sign * Number(row['bytes'])
    return events
  }
}
