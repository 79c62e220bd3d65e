import { contentOf } from '../../../../agent/dispatch/action-table.ts'
import type { Outbox } from '../../../../agent/dispatch/store/outbox.ts'
import { rowBytes, type NewRow, type StoredRow } from '../../../../agent/dispatch/store/row.ts'
import { command, type Over } from '../support/commands.ts'

/** Room for anything. */
export const ROOM = { events: Infinity, bytes: Infinity }

/** The row of a command. */
export function row(n: number | string, over: Over = {}, events = 1): NewRow {
  const { action, id, at, workflowId, key, tenant, body } = command(n, over)
  return {
    id,
    action: contentOf(action),
    rule: action.rule,
    workflowId,
    key,
    tenant,
    at,
    events,
    call: '',
    body: JSON.stringify(body),
  }
}

/** Rows that can be read, oldest first. */
export function readable(outbox: Outbox): StoredRow[] {
  const rows: StoredRow[] = []
  for (let seq = 0; seq < outbox.lastSeq;) {
    const page = outbox.page(seq, 1_000_000, Infinity, { except: [] })
    rows.push(...page.rows.filter((one): one is StoredRow => !('error' in one)))
    seq = page.end
  }
  return rows
}

export const idsIn = (outbox: Outbox): string[] => readable(outbox).map(({ id }) => id)

export { rowBytes }
