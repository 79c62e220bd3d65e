import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite'
import { DeadLetters, type DeadOptions, UNBOUNDED } from './dead-letters.ts'
import { Departures } from './departures.ts'
import { explain, openDatabase, type OpenDatabase } from './outbox-file.ts'
import { type NewRow, ROW_BYTES, rowBytes, type StoredRow, type UnreadableRow } from './row.ts'
import type { RowCipher } from './row-cipher.ts'
import { RowCodec } from './row-codec.ts'
import { COLUMNS } from './schema.ts'
import { StoredActions } from './stored-actions.ts'
import { findAfter, type Portion, type Wanted, windowAfter } from './windows.ts'

/** What became of one inserted row: its number, or why it has none. */
export type Inserted = number | 'duplicate' | 'full'

/** Room that is left: events, and bytes by {@link rowBytes}. */
export interface Room {
  events: number
  bytes: number
}

/** Events and bytes. */
export interface Amount {
  readonly events: number
  readonly bytes: number
}

/** Rows as they were read, each with what stands in it or the error of reading it, and where the next page begins. */
export interface Page {
  readonly rows: readonly (StoredRow | UnreadableRow)[]
  readonly end: number
}

/** A condition on rows, with its values. */
export interface Condition {
  readonly sql: string
  readonly values: readonly string[]
}

/** Rows of all rules but some, of those that a condition names; without one all. */
export interface WhichRows {
  readonly except: readonly string[]
  readonly where?: (actions: StoredActions) => Condition | undefined
}

/** Which rows are put back. */
export interface MovedFrom extends Pick<Wanted, 'where' | 'values'> {
  readonly table: 'dead_letters' | 'delivered'
}

/** Rows that wait now, those that cannot be read and stay where they are, and the last one that was looked at. */
export interface Moved {
  readonly rows: readonly StoredRow[]
  readonly unreadable: readonly UnreadableRow[]
  readonly end: number
}

/** Columns as they are read: with the action itself. */
const READ_COLUMNS = COLUMNS.replace('action', '(SELECT body FROM actions WHERE actions.id = action) AS action')

/**
 * Events on disk until Temporal has them. Synchronous: every method with a commit waits for the disk, so it lives in the
 * store thread. Settled rows leave with the next commit; a crash before it delivers them again, which Temporal and the
 * workflows recognise by their ids.
 */
export class Outbox {
  readonly db: DatabaseSync
  readonly dead: DeadLetters
  readonly #file: OpenDatabase
  readonly #codec: RowCodec
  readonly #departures: Departures
  readonly #actions: StoredActions
  readonly #insert: StatementSync
  readonly #actionIds = new Map<string, number>()
  #lastSeq: number

  /**
   * Opens or creates the file, and locks it against other processes.
   *
   * @param retain whether delivered rows are kept for a replay
   * @param dead bounds on dead letters; without any, they are not counted either
   * @throws DispatchError DISPATCH_OUTBOX_LOCKED, …_CORRUPT, …_FULL or …_NEWER; an error of node:sqlite or node:fs when the
   * file cannot be opened at all
   */
  constructor(path: string, cipher?: RowCipher, retain = false, dead: DeadOptions = UNBOUNDED) {
    this.#file = openDatabase(path)
    this.#codec = new RowCodec(cipher)
    const db = (this.db = this.#file.db)
    try {
      this.#insert = db.prepare(
        `INSERT INTO outbox (seq, ${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`,
      )
      this.#departures = new Departures(db, retain)
      this.#actions = new StoredActions(db)
      this.dead = new DeadLetters(db, dead, (row) => this.#columnsOf(row))
      this.#lastSeq = Number(db.prepare('SELECT coalesce(max(seq), 0) AS seq FROM outbox').get()?.['seq'] ?? 0)
    } catch (error) {
      this.#file.close()
      throw explain(error, path)
    }
  }

  /** Rows that are settled, and come again after a crash, because no commit has taken them along yet. */
  get departing(): number {
    return this.#departures.size + this.dead.departing
  }

  /** Whether rows have events that are not wanted any more, because no commit has taken those along yet. */
  get cutting(): boolean {
    return this.#departures.cutting > 0
  }

  /** The newest row ever given out by this process; never reused by it, so a page can be asked for by "after seq". */
  get lastSeq(): number {
    return this.#lastSeq
  }

  /** What waits, by rule. Reads the whole table: for the start only. */
  amounts(): Map<string, Amount> {
    const rows = this.db
      .prepare(
        `SELECT rule, sum(events) AS events, sum(length(body) + length(call) + ${ROW_BYTES}) AS bytes FROM outbox GROUP BY rule`,
      )
      .all()
    return new Map(
      rows.map((row) => [String(row['rule']), { events: Number(row['events']), bytes: Number(row['bytes']) }]),
    )
  }

  /** The events of these rules stay here too. @throws an error of node:sqlite */
  pause(rules: readonly string[]): void {
    const statement = this.db.prepare('INSERT OR IGNORE INTO paused (rule, since) VALUES (?, unixepoch() * 1000)')
    for (const rule of rules) statement.run(rule)
  }

  /** Rules whose events stay here. */
  pausedRules(): string[] {
    const rows = this.db.prepare('SELECT rule FROM paused ORDER BY rule').all()
    return rows.map((row) => String(row['rule']))
  }

  /**
   * Stores rows in one commit, durable on return, as long as there is `room`, which is used up; what does not fit is
   * `full`. What was settled before leaves with the same commit.
   *
   * @throws an error of node:sqlite (disk full, locked, damaged): then none of them is stored
   */
  insert(rows: readonly NewRow[], room: Room): Inserted[] {
    const left = { ...room }
    const inserted = this.#commit(() => rows.map((row) => this.#insertOne(row, left)))
    room.events = left.events
    room.bytes = left.bytes
    return inserted
  }

  #insertOne(row: NewRow, left: Room): Inserted {
    const bytes = rowBytes(row)
    if (row.events > left.events || bytes > left.bytes) return 'full'
    const seq = this.#lastSeq + 1
    const { changes } = this.#insert.run(seq, ...this.#columnsOf(row))
    if (changes === 0) return 'duplicate'
    this.#lastSeq = seq
    left.events -= row.events
    left.bytes -= bytes
    return seq
  }

  /**
   * Up to `limit` rows and about `maxBytes` after `seq`, oldest first, of those that are wanted. However many others there
   * are, it looks at some thousands only: a page without rows is not the last one.
   */
  page(seq: number, limit: number, maxBytes: number, { except, where }: WhichRows): Page {
    const window = windowAfter(this.db, 'outbox', seq)
    if (window === undefined) return { rows: [], end: this.#lastSeq }
    const { sql = 'true', values = [] } = where?.(this.#actions) ?? {}
    const which = `rule NOT IN (${except.map(() => '?').join(', ')}) AND ${sql}`
    const statement = this.db.prepare(
      `SELECT seq, ${READ_COLUMNS} FROM outbox WHERE seq BETWEEN ? AND ? AND ${which} ORDER BY seq LIMIT ?`,
    )
    const rows: (StoredRow | UnreadableRow)[] = []
    let bytes = 0
    for (const row of statement.iterate(window.from, window.to, ...except, ...values, limit)) {
      const read = this.#codec.read(row)
      rows.push(read)
      bytes += 'body' in read ? rowBytes(read) : ROW_BYTES
      if (bytes >= maxBytes) return { rows, end: read.seq }
    }
    return { rows, end: rows.length < limit ? Math.min(window.to, this.#lastSeq) : (rows.at(-1)?.seq ?? seq) }
  }

  /** Milliseconds since the epoch of the oldest event that waits; undefined when none does. */
  oldestAt(): number | undefined {
    const row = this.db.prepare('SELECT at FROM outbox ORDER BY seq LIMIT 1').get()
    return row === undefined ? undefined : Number(row['at'])
  }

  /** The row's events have reached Temporal; it leaves with the next commit, to the delivered ones if those are kept. */
  deliver(seq: number): void {
    this.#departures.deliver(seq)
  }

  /** The row is not wanted any more; it leaves with the next commit. */
  remove(seq: number): void {
    this.#departures.remove(seq)
  }

  /** Some events of the row are not wanted any more; it is left with the others at the next commit. */
  cut(seq: number, { id, events, body }: Pick<NewRow, 'id' | 'events' | 'body'>): void {
    this.#departures.cut(seq, events, this.#codec.body({ id, body }))
  }

  /** The row's event can never be delivered; it moves to the dead letters with the next commit. */
  bury(seq: number, reason: string, attempts: number): void {
    this.dead.bury(seq, reason, attempts)
  }

  /**
   * Deletes rows of a table, now.
   *
   * @returns the events of those that were there
   * @throws an error of node:sqlite; then none of them is deleted
   */
  discard(table: 'outbox' | 'dead_letters' | 'delivered', seqs: readonly number[]): number {
    if (seqs.length === 0) return 0
    const statement = this.db.prepare(`DELETE FROM ${table} WHERE seq = ? RETURNING events`)
    const one = (seq: number): number =>
      table === 'dead_letters' ? this.dead.take(seq) : Number(statement.get(seq)?.['events'] ?? 0)
    return this.#commit(() => seqs.reduce((sum, seq) => sum + one(seq), 0))
  }

  /**
   * Puts the next rows of another table back to what waits, or puts copies of them there, in one commit.
   *
   * @param seq behind which row they are looked for
   * @param last the newest row that is looked at
   * @param change gives the row that is to wait; undefined leaves this one out. What it throws makes the row unreadable
   * @returns undefined when there are no more. Rows whose event waits already, and those that cannot be read, stay
   */
  moveBack(
    { table, where, values }: MovedFrom,
    seq: number,
    portion: Portion,
    last: number,
    change: (row: StoredRow) => StoredRow | undefined,
  ): Moved | undefined {
    // Looked for inside the commit: what is due for dead letters comes first, and may take some of them away.
    return this.#commit(() => {
      const found = findAfter(this.db, { table, columns: READ_COLUMNS, where, values }, seq, portion, last)
      if (found === undefined) return undefined
      const room = { events: Infinity, bytes: Infinity }
      const rows: StoredRow[] = []
      const unreadable: UnreadableRow[] = []
      for (const row of found.rows) {
        const read = this.#codec.read(row)
        const changed = 'error' in read ? read : changedBy(change, read)
        if (changed === undefined) continue
        if ('error' in changed) unreadable.push(changed)
        else if (typeof this.#insertOne(changed, room) === 'number') {
          if (table === 'dead_letters') this.dead.take(read.seq)
          rows.push(changed)
        }
      }
      return { rows, unreadable, end: found.end }
    })
  }

  /**
   * Commits what departures and dead letters left to do; nothing to do costs nothing.
   *
   * @throws an error of node:sqlite; the work stays for the next call
   */
  flush(): void {
    if (this.#departures.size > 0 || this.dead.due) this.#commit(() => undefined)
  }

  /** Gives up a file in which nothing works any more, and its lock. */
  abandon(): void {
    try {
      this.#file.close()
    } catch {
      // The lock is given up all the same.
    }
  }

  /** Commits what is left and gives up the lock. */
  close(): void {
    try {
      this.flush()
    } finally {
      this.#file.close()
    }
  }

  /** {@link COLUMNS} of a row that goes into a table. */
  #columnsOf(row: NewRow): SQLInputValue[] {
    const { id, rule, workflowId, key, tenant, at, events } = row
    const action = this.#actionId(row.action)
    return [id, action, rule, workflowId, key, tenant, at, events, this.#codec.call(row), this.#codec.body(row)]
  }

  #actionId(body: string): number {
    const known = this.#actionIds.get(body)
    if (known !== undefined) return known
    this.db.prepare('INSERT OR IGNORE INTO actions (body) VALUES (?)').run(body)
    const id = Number(this.db.prepare('SELECT id FROM actions WHERE body = ?').get(body)?.['id'])
    this.#actionIds.set(body, id)
    return id
  }

  #commit<T>(work: () => T): T {
    const { db } = this
    const lastSeq = this.#lastSeq
    db.exec('BEGIN IMMEDIATE')
    let result: T
    try {
      const now = Date.now()
      this.#departures.apply(now)
      this.dead.apply(now)
      result = work()
      db.exec('COMMIT')
    } catch (error) {
      // Some errors have rolled back already.
      if (db.isTransaction) db.exec('ROLLBACK')
      this.#lastSeq = lastSeq
      // The transaction took them along.
      this.#actionIds.clear()
      this.dead.rolledBack()
      throw error
    }
    this.#departures.forget()
    this.dead.committed()
    return result
  }
}

function changedBy(
  change: (row: StoredRow) => StoredRow | undefined,
  row: StoredRow,
): StoredRow | UnreadableRow | undefined {
  try {
    return change(row)
  } catch (error) {
    const { seq, rule, events } = row
    return { seq, rule, events, error }
  }
}
