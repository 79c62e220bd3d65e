import type { OutboxRequest, OutboxTable, RowFilter } from '../dispatch/store/outbox-calls.ts'
import { MOMENT, parseMoment } from './moment.ts'

export const OUTBOX_TABLES = ['pending', 'dead', 'delivered'] as const satisfies OutboxTable[]

/** Rows of one answer: what is read at once, while nothing is stored. */
export const MAX_ROWS = 1000
const DEFAULT_ROWS = 100

const FILTER = ['rule', 'id', 'from', 'to'] as const

/** What each call takes. */
const MEMBERS = {
  status: [],
  list: ['table', ...FILTER, 'after', 'limit'],
  show: ['id'],
  redrive: FILTER,
  purge: ['table', ...FILTER],
  replay: FILTER,
  pause: ['rule'],
  resume: ['rule'],
} as const satisfies Record<OutboxRequest['call'], readonly string[]>

/** A call that cannot be meant so. The message holds nothing of what was sent. */
export class OutboxRequestError extends Error {
  override readonly name = 'OutboxRequestError'
}

/**
 * What the members of a query or of a body ask for: texts, or numbers where they are numbers.
 * @param now milliseconds since the epoch, from which "2h" is counted
 * @throws {OutboxRequestError}
 */
export function outboxRequest(
  call: OutboxRequest['call'],
  members: Readonly<Record<string, unknown>>,
  now: number,
): OutboxRequest {
  const known: readonly string[] = MEMBERS[call]
  if (Object.keys(members).some((name) => !known.includes(name))) {
    throw new OutboxRequestError(
      known.length === 0 ? 'takes no members' : `an unknown member; known are ${known.join(', ')}`,
    )
  }
  switch (call) {
    case 'status':
      return { call }
    case 'show':
      return { call, id: needed(members, 'id') }
    case 'pause':
    case 'resume':
      return { call, rule: needed(members, 'rule') }
    case 'redrive':
      return { call, filter: filterOf(members, now) }
    case 'replay': {
      const filter = filterOf(members, now)
      if (filter.from !== undefined || filter.id !== undefined) return { call, filter }
      throw new OutboxRequestError('"from" or "id" is needed: what is replayed has its effect once more')
    }
    case 'purge':
      return { call, table: tableOf(needed(members, 'table')), filter: filterOf(members, now) }
    case 'list': {
      const after = numberOf(members, 'after', 0, Number.MAX_SAFE_INTEGER)
      return {
        call,
        table: tableOf(members['table'] ?? 'dead'),
        filter: filterOf(members, now),
        limit: numberOf(members, 'limit', 1, MAX_ROWS) ?? DEFAULT_ROWS,
        ...(after !== undefined && { after }),
      }
    }
  }
}

function filterOf(members: Readonly<Record<string, unknown>>, now: number): RowFilter {
  const [rule, id] = [textOf(members, 'rule'), textOf(members, 'id')]
  const [from, to] = [momentOf(members, 'from', now), momentOf(members, 'to', now)]
  if (from !== undefined && to !== undefined && from >= to) throw new OutboxRequestError('"to" is not after "from"')
  return {
    ...(rule !== undefined && { rule }),
    ...(id !== undefined && { id }),
    ...(from !== undefined && { from }),
    ...(to !== undefined && { to }),
  }
}

function tableOf(value: unknown): OutboxTable {
  const table = OUTBOX_TABLES.find((one) => one === value)
  if (table !== undefined) return table
  throw new OutboxRequestError(`"table" is none of ${OUTBOX_TABLES.join(', ')}`)
}

function needed(members: Readonly<Record<string, unknown>>, name: string): string {
  const text = textOf(members, name)
  if (text !== undefined) return text
  throw new OutboxRequestError(`"${name}" is needed`)
}

function textOf(members: Readonly<Record<string, unknown>>, name: string): string | undefined {
  const value = members[name]
  if (value === undefined || (typeof value === 'string' && value !== '')) return value
  throw new OutboxRequestError(`"${name}" is not a text`)
}

function momentOf(members: Readonly<Record<string, unknown>>, name: string, now: number): number | undefined {
  const value = members[name]
  if (value === undefined || (typeof value === 'number' && Number.isSafeInteger(value))) return value
  const moment = typeof value === 'string' ? parseMoment(value, now) : undefined
  if (moment !== undefined) return moment
  throw new OutboxRequestError(`"${name}" is no moment: ${MOMENT}, or milliseconds since the epoch`)
}

function numberOf(
  members: Readonly<Record<string, unknown>>,
  name: string,
  least: number,
  most: number,
): number | undefined {
  const value = members[name]
  if (value === undefined) return undefined
  const number = typeof value === 'string' && /^\d{1,16}$/.test(value) ? Number(value) : value
  if (typeof number === 'number' && Number.isInteger(number) && number >= least && number <= most) return number
  throw new OutboxRequestError(`"${name}" is no whole number from ${least}${most === MAX_ROWS ? ` to ${most}` : ''}`)
}
