import { MAX_ROWS } from '../admin/outbox-request.ts'
import { suggest } from '../config/suggest.ts'
import type {
  OutboxAnswer,
  OutboxRequest,
  OutboxRow,
  OutboxTable,
  RowFilter,
  Unreadable,
} from '../dispatch/store/outbox-calls.ts'
import { UserError } from '../errors.ts'
import { confirm } from './confirm.ts'
import type { OutboxOptions } from './outbox.ts'
import { openSource, type OutboxSource } from './outbox-source.ts'
import { count, renderEvent, renderRows, renderStatus, renderUnreadable } from './outbox-view.ts'
import { withProgress } from './progress.ts'

/** What a command prints: for programs, and for people. */
interface Result {
  readonly json: object
  readonly text: string
}

interface Rows {
  readonly table: OutboxTable
  readonly filter: RowFilter
}

export async function runStatus(options: OutboxOptions): Promise<void> {
  await session(options, async (outbox) => {
    const { status } = await ask(outbox, { call: 'status' }, 'status')
    const by = outbox.source === 'agent' ? `the agent at ${outbox.place}` : 'the file itself: no agent uses it now'
    return { json: { status }, text: renderStatus(status, by, Date.now()) }
  })
}

export async function runList(
  options: OutboxOptions,
  { table, filter, limit }: Rows & { limit: number },
): Promise<void> {
  await session(options, async (outbox) => {
    const { rows, more } = await read(outbox, { table, filter }, limit)
    return { json: { table, rows, more }, text: renderRows(table, rows, more, Date.now()) }
  })
}

export async function runShow(options: OutboxOptions, id: string): Promise<void> {
  await session(options, async (outbox) => {
    const { ok: _, ...event } = await ask(outbox, { call: 'show', id }, 'row')
    return { json: event, text: renderEvent(event) }
  })
}

export async function runRedrive(options: OutboxOptions, filter: RowFilter): Promise<void> {
  await session(options, async (outbox) => {
    const begun = Date.now()
    const { changed, unreadable } = await ask(outbox, { call: 'redrive', filter }, 'changed')
    const [first] = (await read(outbox, { table: 'dead', filter }, 1)).rows
    // Younger ones were refused once more.
    const left = first !== undefined && (first.deadAt ?? 0) < begun
    const done = changed === 0 ? 'nothing to try again' : `${count(changed)} to be tried again`
    const rest = left ? '\nothers stay dead letters: they wait already, or cannot be read' : ''
    return { json: { changed, left, ...(unreadable && { unreadable }) }, text: done + rest + stay(unreadable) }
  })
}

export async function runReplay(options: OutboxOptions, filter: RowFilter): Promise<void> {
  await session(options, async (outbox) => {
    const { changed, unreadable } = await ask(outbox, { call: 'replay', filter }, 'changed')
    const text = changed === 0 ? 'nothing to send once more' : `${count(changed)} to be sent once more, under new ids`
    return { json: { changed, ...(unreadable && { unreadable }) }, text: text + stay(unreadable) }
  })
}

/** The line about events that cannot be read. */
function stay(unreadable: Unreadable | undefined): string {
  return unreadable === undefined ? '' : `\nnot readable, and left where they are: ${renderUnreadable(unreadable)}`
}

export async function runPurge(options: OutboxOptions, { yes, ...rows }: Rows & { yes: boolean }): Promise<void> {
  await session(options, async (outbox) => {
    if (!yes && !(await agrees(outbox, rows))) return { json: { changed: 0 }, text: 'nothing is deleted' }
    const { changed } = await ask(outbox, { call: 'purge', ...rows }, 'changed')
    return { json: { changed }, text: changed === 0 ? 'nothing to delete' : `deleted: ${count(changed)}` }
  })
}

export async function runPause(options: OutboxOptions, rule: string): Promise<void> {
  await session(options, async (outbox) => {
    await known(outbox, rule)
    const { changed } = await ask(outbox, { call: 'pause', rule }, 'changed')
    const text = changed === 0 ? `${rule} is paused already` : `paused: events of ${rule} wait on disk from now on`
    return { json: { changed }, text }
  })
}

export async function runResume(options: OutboxOptions, rule: string): Promise<void> {
  await session(options, async (outbox) => {
    const { changed } = await ask(outbox, { call: 'resume', rule }, 'changed')
    const text = changed === 0 ? `${rule} is not paused` : `resumed: events of ${rule} are delivered again`
    return { json: { changed }, text }
  })
}

async function session(options: OutboxOptions, work: (outbox: OutboxSource) => Promise<Result>): Promise<void> {
  const outbox = await withProgress('opening the outbox', () => openSource(options))
  try {
    const { json, text } = await work(outbox)
    console.log(options.json ? JSON.stringify({ ok: true, source: outbox.source, ...json }) : text)
  } finally {
    outbox.close()
  }
}

/** @throws {UserError} when it is not done */
async function ask<Key extends string>(
  outbox: OutboxSource,
  request: OutboxRequest,
  key: Key,
): Promise<Extract<OutboxAnswer, Readonly<Record<Key, unknown>>>> {
  const answer = await withProgress(`${request.call}, ${outbox.place}`, () => outbox.ask(request))
  if (!answer.ok) throw new UserError('OUTBOX_REFUSED', `${outbox.place}: ${answer.error}`)
  if (key in answer) return answer as Extract<OutboxAnswer, Readonly<Record<Key, unknown>>>
  throw new UserError('ADMIN_UNREACHABLE', `${outbox.place} gives no answer to "${request.call}"`)
}

/** Page by page, as the admin server gives them. */
async function read(outbox: OutboxSource, rows: Rows, limit: number): Promise<{ rows: OutboxRow[]; more: boolean }> {
  const found: OutboxRow[] = []
  for (;;) {
    const after = found.at(-1)?.seq
    const page = await ask(
      outbox,
      {
        call: 'list',
        ...rows,
        limit: Math.min(limit - found.length, MAX_ROWS),
        ...(after !== undefined && { after }),
      },
      'rows',
    )
    found.push(...page.rows)
    if (!page.more || found.length >= limit) return { rows: found, more: page.more }
  }
}

/** Tells what is to be deleted, and asks. */
async function agrees(outbox: OutboxSource, { table, filter }: Rows): Promise<boolean> {
  const { rows, more } = await read(outbox, { table, filter }, MAX_ROWS)
  if (rows.length === 0) return true
  const events = rows.reduce((sum, row) => sum + row.events, 0)
  const lost = table === 'pending' ? ', which Temporal has not got' : ''
  return confirm(`Delete ${more ? 'more than ' : ''}${count(events)} of "${table}"${lost}, for good?`)
}

/** A slip of the keyboard would hold nothing back, and nobody would notice. The agent looks at it itself. */
async function known(outbox: OutboxSource, rule: string): Promise<void> {
  const { rules } = outbox
  if (rules === undefined || rules.includes(rule)) return
  const waiting = await read(outbox, { table: 'pending', filter: { rule } }, 1)
  if (waiting.rows.length > 0) return
  const meant = suggest(rule, rules)
  throw new UserError(
    'OUTBOX_UNKNOWN_RULE',
    `there is no rule "${rule}"${meant === undefined ? '' : `; did you mean "${meant}"?`}`,
  )
}
