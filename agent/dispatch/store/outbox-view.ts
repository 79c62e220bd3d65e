import { existsSync, statSync } from 'node:fs'
import type { DatabaseSync } from 'node:sqlite'
import type { Disk } from './disk.ts'
import type { RowCipher } from './row-cipher.ts'
import { RowCodec } from './row-codec.ts'
import type { OutboxAnswer, OutboxRequest, OutboxRow, OutboxStatus, OutboxTable, RowFilter } from './outbox-calls.ts'
import { stillOpen } from './still-open.ts'
import type { Steps } from './steps.ts'
import { findAfter } from './windows.ts'

const TABLES = { pending: 'outbox', dead: 'dead_letters', delivered: 'delivered' } as const satisfies Record<
  OutboxTable,
  string
>

/** Columns that one table has and the others have not. */
const OWN = { pending: '', dead: ', reason, attempts, dead_at', delivered: ', delivered_at' } as const

const SHOWN = `id, rule, workflow_id, events, at, (SELECT body ->> 'kind' FROM actions WHERE actions.id = action) AS kind`

/** What is shown instead of what is sealed. */
const ENCRYPTED = '(encrypted)'

/** The filter as SQL, with its values. */
export function whereOf({ rule, id, from, to }: RowFilter): { where: string; values: (string | number)[] } {
  const parts: [string, string | number | undefined][] = [
    ['rule = ?', rule],
    ['id = ?', id],
    ['at >= ?', from],
    ['at < ?', to],
  ]
  const given = parts.filter((part): part is [string, string | number] => part[1] !== undefined)
  return { where: given.map(([sql]) => sql).join(' AND ') || '1', values: given.map(([, value]) => value) }
}

/** Rows of a table, oldest first. */
export function* listRows(
  disk: Pick<Disk, 'outbox'>,
  { table, filter, after = 0, limit }: OutboxRequest & { call: 'list' },
): Steps<OutboxAnswer> {
  const outbox = stillOpen(disk)
  const wanted = { table: TABLES[table], columns: `${SHOWN}${OWN[table]}`, ...whereOf(filter) }
  const rows: OutboxRow[] = []
  for (let seq = after; rows.length <= limit;) {
    const portion = { rows: limit + 1 - rows.length, bytes: Infinity }
    const found = findAfter(stillOpen(disk, outbox).db, wanted, seq, portion)
    if (found === undefined) break
    for (const row of found.rows) rows.push(shown(table, row))
    seq = found.end
    yield
  }
  return { ok: true, rows: rows.slice(0, limit), more: rows.length > limit }
}

/** One event wherever it is, with what it holds. */
export function showRow(db: DatabaseSync, id: string, cipher: RowCipher | undefined): OutboxAnswer {
  for (const table of Object.keys(TABLES) as OutboxTable[]) {
    const row = db
      .prepare(
        `SELECT seq, ${SHOWN}${OWN[table]}, call, body, (SELECT body FROM actions WHERE actions.id = action) AS action
         FROM ${TABLES[table]} WHERE id = ?`,
      )
      .get(id)
    if (row === undefined) continue
    const codec = new RowCodec(cipher)
    // Without keys the rest can be shown all the same.
    const opened = (stored: unknown, open: () => string): string | undefined =>
      cipher === undefined && RowCodec.isSealed(stored) ? undefined : open()
    const text = opened(row['body'], () => codec.openBody(row['body'], id))
    const call = opened(row['call'], () => codec.openCall(row['call'], id))
    const kind = String(row['kind'])
    return {
      ok: true,
      row: shown(table, row),
      action: parsed(String(row['action'])),
      body: text === undefined ? ENCRYPTED : parsed(kind === 'meter' ? `[${text}]` : text),
      callOptions: call === undefined ? ENCRYPTED : parsed(call || '{}'),
    }
  }
  return { ok: false, error: `no event "${id}" in the outbox` }
}

/** Events among those that were delivered, of which the file keeps count: see schema.ts. */
function countDelivered(db: DatabaseSync): number {
  return Number(db.prepare("SELECT events FROM counts WHERE name = 'delivered'").get()?.['events'] ?? 0)
}

/** @param counted events that wait and dead letters, which the file keeps no count of: see schema.ts */
export function statusOf(
  db: DatabaseSync,
  path: string,
  encrypted: boolean,
  counted: Readonly<Record<'pending' | 'dead', number>>,
): OutboxStatus {
  const oldest = db.prepare('SELECT at FROM outbox ORDER BY seq LIMIT 1').get()
  const size = (file: string): number => (existsSync(file) ? statSync(file).size : 0)
  return {
    path,
    events: { ...counted, delivered: countDelivered(db) },
    bytes: size(path) + size(`${path}-wal`),
    pausedRules: db
      .prepare('SELECT rule FROM paused ORDER BY rule')
      .all()
      .map((row) => String(row['rule'])),
    ...(oldest !== undefined && { oldestAt: Number(oldest['at']) }),
    encrypted,
  }
}

function shown(table: OutboxTable, row: Record<string, unknown>): OutboxRow {
  return {
    table,
    seq: Number(row['seq']),
    id: String(row['id']),
    rule: String(row['rule']),
    kind: typeof row['kind'] === 'string' ? row['kind'] : '',
    workflowId: String(row['workflow_id']),
    events: Number(row['events']),
    at: Number(row['at']),
    ...(table === 'dead' && {
      reason: String(row['reason']),
      attempts: Number(row['attempts']),
      deadAt: Number(row['dead_at']),
    }),
    ...(table === 'delivered' && { deliveredAt: Number(row['delivered_at']) }),
  }
}

/** JSON that the agent wrote itself; what is not is shown as it stands. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
