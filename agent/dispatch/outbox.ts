import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { Command } from './command.ts'
import { openDatabase, type OpenDatabase } from './outbox-file.ts'

/** A row as it was stored: `body` is the command as JSON. */
export interface OutboxRow {
  readonly seq: number
  readonly rule: string
  readonly body: string
}

/** What became of one inserted command: its row, or why it has none. */
export type Inserted = number | 'duplicate' | 'full'

/**
 * Durable events on disk until Temporal has them. Synchronous: every method with a commit waits for the disk, so it
 * lives in the dispatcher's thread. Settled rows leave with the next commit; a crash before it delivers them again,
 * which Temporal recognises by their ids.
 */
export class Outbox {
  readonly #file: OpenDatabase
  readonly #db: DatabaseSync
  readonly #insert: StatementSync
  readonly #delete: StatementSync
  readonly #bury: StatementSync
  readonly #page: StatementSync
  #lastSeq: number
  #delivered: number[] = []
  #dead: { readonly seq: number; readonly reason: string; readonly attempts: number }[] = []

  /**
   * Opens or creates the file, and locks it against other processes.
   *
   * @throws DispatchError DISPATCH_OUTBOX_LOCKED, DISPATCH_OUTBOX_CORRUPT or DISPATCH_OUTBOX_NEWER; an error of
   * node:sqlite or node:fs when the file cannot be opened at all
   */
  constructor(path: string) {
    this.#file = openDatabase(path)
    const db = (this.#db = this.#file.db)
    this.#insert = db.prepare(
      'INSERT INTO outbox (seq, id, rule, body) VALUES (?, ?, ?, ?) ON CONFLICT (id) DO NOTHING',
    )
    this.#delete = db.prepare('DELETE FROM outbox WHERE seq = ?')
    this.#bury = db.prepare(
      `INSERT OR REPLACE INTO dead_letters (id, rule, body, reason, attempts, at)
       SELECT id, rule, body, ?, ?, ? FROM outbox WHERE seq = ?`,
    )
    this.#page = db.prepare('SELECT seq, rule, body FROM outbox WHERE seq > ? ORDER BY seq LIMIT ?')
    this.#lastSeq = Number(db.prepare('SELECT coalesce(max(seq), 0) AS seq FROM outbox').get()?.['seq'] ?? 0)
  }

  /** The newest row ever given out by this process; never reused by it, so a page can be asked for by "after seq". */
  get lastSeq(): number {
    return this.#lastSeq
  }

  /** Number of rows by rule. Reads the whole table: for the start only. */
  rowsByRule(): Map<string, number> {
    const rows = this.#db.prepare('SELECT rule, count(*) AS n FROM outbox GROUP BY rule').all()
    return new Map(rows.map((row) => [String(row['rule']), Number(row['n'])]))
  }

  /**
   * Stores the commands in one commit, durable on return. At most `room` new rows; what comes after is `full`.
   *
   * @throws an error of node:sqlite (disk full, locked, damaged): then none of them is stored
   */
  insert(commands: readonly Command[], room: number): Inserted[] {
    const lastSeq = this.#lastSeq
    try {
      return this.#commit(() => {
        let left = room
        return commands.map((command): Inserted => {
          if (left === 0) return 'full'
          const seq = this.#lastSeq + 1
          const { changes } = this.#insert.run(seq, command.event.id, command.rule, JSON.stringify(command))
          if (changes === 0) return 'duplicate'
          this.#lastSeq = seq
          left--
          return seq
        })
      })
    } catch (error) {
      this.#lastSeq = lastSeq
      throw error
    }
  }

  /** Up to `limit` rows after `seq`, oldest first. */
  page(seq: number, limit: number): OutboxRow[] {
    return this.#page.all(seq, limit).map((row) => ({
      seq: Number(row['seq']),
      rule: String(row['rule']),
      body: String(row['body']),
    }))
  }

  /** The row's event has reached Temporal; it is deleted with the next commit. */
  remove(seq: number): void {
    this.#delivered.push(seq)
  }

  /** The row's event can never be delivered; it moves to the dead letters with the next commit. */
  deadLetter(seq: number, reason: string, attempts: number): void {
    this.#dead.push({ seq, reason, attempts })
  }

  /**
   * Commits what `remove` and `deadLetter` left to do; nothing to do costs nothing.
   *
   * @throws an error of node:sqlite; the work stays for the next call
   */
  flush(): void {
    if (this.#delivered.length > 0 || this.#dead.length > 0) this.#commit(() => undefined)
  }

  /** Commits what is left and gives up the lock. */
  close(): void {
    try {
      this.flush()
    } finally {
      this.#file.close()
    }
  }

  #commit<T>(work: () => T): T {
    const { length: delivered } = this.#delivered
    const { length: dead } = this.#dead
    this.#db.exec('BEGIN IMMEDIATE')
    try {
      for (const { seq, reason, attempts } of this.#dead) {
        this.#bury.run(reason, attempts, Date.now(), seq)
        this.#delete.run(seq)
      }
      for (const seq of this.#delivered) this.#delete.run(seq)
      const result = work()
      this.#db.exec('COMMIT')
      this.#delivered = this.#delivered.slice(delivered)
      this.#dead = this.#dead.slice(dead)
      return result
    } catch (error) {
      // Some errors have rolled back already.
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK')
      throw error
    }
  }
}
