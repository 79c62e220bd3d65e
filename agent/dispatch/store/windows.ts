import type { DatabaseSync, SQLInputValue, SQLOutputValue } from 'node:sqlite'

/** Rows that one look goes through: some milliseconds, also when none of them is looked for. */
const WINDOW = 2_000

/** Rows of a table by their `seq`, both ends included. */
export interface Window {
  readonly from: number
  readonly to: number
}

/** What is looked for: a part of a table. */
export interface Wanted {
  readonly table: string
  readonly columns: string
  /** SQL of a condition, with its values. */
  readonly where: string
  readonly values: readonly SQLInputValue[]
}

/** How much is taken at once; `bytes`: of bodies, about. */
export interface Portion {
  readonly rows: number
  readonly bytes: number
}

/** Rows that were found, and the last one that was looked at: there may be more behind it, also when none was found. */
export interface Found {
  readonly rows: readonly Record<string, SQLOutputValue>[]
  readonly end: number
}

/**
 * The next stretch of a table behind `seq`: so what has to look at a whole table does it in steps, whatever it looks for.
 * undefined: there are no more rows.
 */
export function windowAfter(db: DatabaseSync, table: string, seq: number, size = WINDOW): Window | undefined {
  const from = db.prepare(`SELECT min(seq) AS seq FROM ${table} WHERE seq > ?`).get(seq)?.['seq']
  return typeof from === 'number' ? { from, to: from + size - 1 } : undefined
}

/** The newest row of a table; 0 when it has none. */
export function newest(db: DatabaseSync, table: string): number {
  return Number(db.prepare(`SELECT max(seq) AS seq FROM ${table}`).get()?.['seq'] ?? 0)
}

/**
 * The next rows that fit behind `seq`, oldest first, with their `seq`. undefined: there are no more.
 *
 * @param last the newest row that is looked at
 */
export function findAfter(
  db: DatabaseSync,
  { table, columns, where, values }: Wanted,
  seq: number,
  portion: Portion,
  last = Number.MAX_SAFE_INTEGER,
): Found | undefined {
  const window = windowAfter(db, table, seq)
  if (window === undefined || window.from > last) return undefined
  const to = Math.min(window.to, last)
  const statement = db.prepare(
    `SELECT seq, ${columns} FROM ${table} WHERE seq BETWEEN ? AND ? AND ${where} ORDER BY seq LIMIT ?`,
  )
  const rows: Record<string, SQLOutputValue>[] = []
  let bytes = 0
  for (const row of statement.iterate(window.from, to, ...values, portion.rows)) {
    rows.push(row)
    bytes += sizeOf(row['body'])
    if (rows.length === portion.rows || bytes >= portion.bytes) return { rows, end: Number(row['seq']) }
  }
  return { rows, end: to }
}

function sizeOf(body: SQLOutputValue | undefined): number {
  if (typeof body === 'string') return body.length
  return body instanceof Uint8Array ? body.length : 0
}
