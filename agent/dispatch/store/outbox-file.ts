import { closeSync, existsSync, mkdirSync, openSync, renameSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { DispatchError, messageOf } from '../errors.ts'
import { migrate } from './schema.ts'

/** Milliseconds to wait for another program that reads or writes the file, such as a `sqlite3` shell. */
const BUSY_MS = 250

/** Primary result codes of SQLite. */
const SQLITE = { BUSY: 5, CORRUPT: 11, FULL: 13, CONSTRAINT: 19, NOTADB: 26 } as const

/** No statement of ours can break a constraint, unless an index and its table contradict each other. */
const DAMAGE: readonly number[] = [SQLITE.CORRUPT, SQLITE.NOTADB, SQLITE.CONSTRAINT]

/** An open outbox file. `close` also gives up the lock. */
export interface OpenDatabase {
  readonly db: DatabaseSync
  close(): void
}

/**
 * Opens the file, creates or migrates its tables, and keeps other agents out.
 *
 * @throws DispatchError for a locked, damaged or newer file; other errors as they are
 */
export function openDatabase(path: string): OpenDatabase {
  mkdirSync(dirname(path), { recursive: true })
  // Events name people: the file is the agent's alone. SQLite gives its -wal and -shm files the same mode.
  closeSync(openSync(path, 'a', 0o600))
  const lock = takeLock(`${path}.lock`)
  let db: DatabaseSync | undefined
  try {
    db = new DatabaseSync(path, { timeout: BUSY_MS })
    db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 67108864')
    // Else a row that takes another one's place would not be counted as gone.
    db.exec('PRAGMA recursive_triggers = ON')
    migrate(db)
    const open = db
    return {
      db: open,
      close: () => {
        try {
          open.close()
        } finally {
          lock.close()
        }
      },
    }
  } catch (error) {
    db?.close()
    lock.close()
    throw explain(error, path)
  }
}

/** Moves a file that cannot be used out of the way, with its log, so that it can be looked into. Returns its new name. */
export function setAside(path: string, now = new Date()): string {
  const aside = `${path}.aside-${now.toISOString().replaceAll(/[:.]/g, '')}`
  for (const part of ['', '-wal', '-shm']) if (existsSync(path + part)) renameSync(path + part, aside + part)
  return aside
}

/** Turns an error of SQLite into one of the table where it is known. */
export function explain(error: unknown, path: string): unknown {
  const code = sqliteCode(error)
  const detail = `${path}: ${messageOf(error)}`
  if (DAMAGE.includes(code)) return new DispatchError('DISPATCH_OUTBOX_CORRUPT', detail, error)
  if (code === SQLITE.BUSY) return new DispatchError('DISPATCH_OUTBOX_LOCKED', detail, error)
  if (code === SQLITE.FULL) return new DispatchError('DISPATCH_OUTBOX_FULL', detail, error)
  return error
}

/** Whether the file itself is damaged: no call that comes later can be expected to work. */
export function isDamage(error: unknown): boolean {
  return DAMAGE.includes(sqliteCode(error))
}

function sqliteCode(error: unknown): number {
  return ((error as { errcode?: number } | null)?.errcode ?? 0) & 0xff
}

/**
 * A lock that the kernel gives back when the process dies, however it dies. It is a file of its own: an exclusive lock
 * on the outbox itself would keep the command line tool from reading it.
 */
function takeLock(path: string): DatabaseSync {
  const lock = new DatabaseSync(path, { timeout: 0 })
  try {
    lock.exec('BEGIN EXCLUSIVE')
    return lock
  } catch (error) {
    lock.close()
    throw explain(error, path)
  }
}
