import type { OutboxAnswer, OutboxRow, OutboxStatus, OutboxTable, Unreadable } from '../dispatch/store/outbox-calls.ts'
import { table } from '../explain/table.ts'

/** Characters of a cell, but for ids, which are needed whole: "outbox show" and --json have the rest. */
const MAX_CELL = 80

const WORDS: Record<OutboxTable, string> = {
  pending: 'waiting for Temporal',
  dead: 'dead letters',
  delivered: 'delivered, and kept',
}

/** What is answered to `show`. */
export type EventAnswer = Omit<Extract<OutboxAnswer, { readonly row: OutboxRow }>, 'ok'>

/** Rows for people, oldest first. @param now milliseconds since the epoch */
export function renderRows(from: OutboxTable, rows: readonly OutboxRow[], more: boolean, now: number): string {
  if (rows.length === 0) return `nothing: ${WORDS[from]}`
  const events = rows.reduce((sum, row) => sum + row.events, 0)
  const [head, cells] = COLUMNS[from]
  return [
    ...table([head, ...rows.map((row) => cells(row, now).map((text, i) => (i === 0 ? plain(text) : cell(text))))]),
    '',
    `${rows.length} ${rows.length === 1 ? 'row' : 'rows'}, ${count(events)}: ${WORDS[from]}${more ? '; there are more: --limit' : ''}`,
  ].join('\n')
}

type Cells = (row: OutboxRow, now: number) => string[]

const COLUMNS: Record<OutboxTable, readonly [head: readonly string[], cells: Cells]> = {
  pending: [
    ['id', 'rule', 'kind', 'age', 'events', 'workflow'],
    (row, now) => [row.id, row.rule, row.kind, age(now - row.at), String(row.events), row.workflowId],
  ],
  dead: [
    ['id', 'rule', 'kind', 'age', 'dead for', 'events', 'attempts', 'reason'],
    (row, now) => [
      row.id,
      row.rule,
      row.kind,
      age(now - row.at),
      age(now - (row.deadAt ?? now)),
      String(row.events),
      String(row.attempts),
      row.reason ?? '',
    ],
  ],
  delivered: [
    ['id', 'rule', 'kind', 'age', 'delivered', 'events', 'workflow'],
    (row, now) => [
      row.id,
      row.rule,
      row.kind,
      age(now - row.at),
      `${age(now - (row.deliveredAt ?? now))} ago`,
      String(row.events),
      row.workflowId,
    ],
  ],
}

/** One event with all that is known of it. */
export function renderEvent({ row, action, body, callOptions }: EventAnswer): string {
  const { at, reason, attempts, deadAt, deliveredAt } = row
  const facts: (readonly [string, string | undefined])[] = [
    ['id', row.id],
    ['state', WORDS[row.table]],
    ['rule', row.rule],
    ['workflow id', row.workflowId],
    ['events', String(row.events)],
    ['happened', time(at)],
    ['reason', reason],
    ['attempts', attempts?.toString()],
    ['dead since', deadAt === undefined ? undefined : time(deadAt)],
    ['delivered', deliveredAt === undefined ? undefined : time(deliveredAt)],
  ]
  const lines = table(facts.flatMap(([name, value]) => (value === undefined ? [] : [[name, plain(value)]])))
  const parts = Object.entries({ action, 'call options': callOptions, body })
  return [...lines, ...parts.flatMap(([name, part]) => ['', `${name}:`, json(part)])].join('\n')
}

/** @param now milliseconds since the epoch */
export function renderStatus(status: OutboxStatus, by: string, now: number): string {
  const { path, events, bytes, pausedRules, oldestAt, encrypted } = status
  const oldest = oldestAt === undefined ? '' : `, the oldest is ${age(now - oldestAt)} old`
  return table([
    ['file', `${path}, ${size(bytes)}${encrypted ? ', encrypted' : ''}`],
    ['pending', `${count(events.pending)}${oldest}`],
    ['dead', count(events.dead)],
    ['delivered', `${count(events.delivered)} kept`],
    ['paused', pausedRules.length === 0 ? 'no rule' : pausedRules.join(', ')],
    ['told by', by],
  ])
    .map(plain)
    .join('\n')
}

/** How many events could not be read, and why. */
export function renderUnreadable({ events, why }: Unreadable): string {
  return `${count(events)} (${plain(why)})`
}

export function count(events: number): string {
  return `${events.toLocaleString('en')} ${events === 1 ? 'event' : 'events'}`
}

/** `12s`, `5m`, `3h`, `2d`: the largest unit of which there is one at least. */
function age(ms: number): string {
  const s = Math.max(0, Math.floor(ms / 1000))
  if (s < 60) return `${s}s`
  if (s < 3600) return `${Math.floor(s / 60)}m`
  return s < 86_400 ? `${Math.floor(s / 3600)}h` : `${Math.floor(s / 86_400)}d`
}

/** A row that was carried over from an early release may not know its time. */
function time(ms: number): string {
  return ms === 0 ? 'unknown' : new Date(ms).toISOString()
}

function size(bytes: number): string {
  if (bytes < 1024 * 1024) return `${Math.ceil(bytes / 1024)} KiB`
  const mib = bytes / 1024 / 1024
  return mib < 1024 ? `${mib.toFixed(1)} MiB` : `${(mib / 1024).toFixed(1)} GiB`
}

function json(value: unknown): string {
  return plain(JSON.stringify(value, null, 2))
}

function cell(text: string): string {
  const line = plain(text).replaceAll('\n', ' ')
  return line.length <= MAX_CELL ? line : `${line.slice(0, MAX_CELL - 1)}…`
}

/** Callers choose parts of it, and Temporal the rest: nothing that a terminal would obey, and nothing that turns text round. */
function plain(text: string): string {
  return text.replaceAll(/[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, '\ufffd')
}
