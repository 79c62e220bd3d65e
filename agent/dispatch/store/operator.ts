import type { RowCipher } from './row-cipher.ts'
import { messageOf } from '../errors.ts'
import type { Log } from '../protocol.ts'
import type { Disk } from './disk.ts'
import type { Ledger } from './ledger.ts'
import { redrive, replay, type Reopened } from './again.ts'
import type { UnreadableRow } from './row.ts'
import type { OutboxAnswer, OutboxRequest, Unreadable } from './outbox-calls.ts'
import { listRows, showRow, statusOf } from './outbox-view.ts'
import { forget, purge, purgePending } from './purge.ts'
import { inSteps, type Steps } from './steps.ts'
import { stillOpen } from './still-open.ts'

export interface OperatorParts {
  readonly disk: Disk
  readonly ledger: Ledger
  readonly path: string
  readonly cipher?: RowCipher | undefined
  /** Told of the rules that are paused, all of them, when they change. */
  readonly paused: (rules: readonly string[]) => void
  readonly log: Log
  /** Events that wait, and those among the dead letters. */
  readonly counted: () => Readonly<Record<'pending' | 'dead', number>>
  /** Told after each step that put rows into a table, or took them out of it. */
  readonly changed: () => void
}

/** Calls that may concern any number of rows. */
type Change = Extract<OutboxRequest, { readonly call: 'redrive' | 'replay' | 'purge' }>

/** Answers what operators ask of the outbox, and keeps the books right about what they change. Never throws. */
export class Operator {
  readonly #parts: OperatorParts
  /** Ends with the last call that changes many rows. */
  #changes: Promise<unknown> = Promise.resolve()
  #sweeping = false

  constructor(parts: OperatorParts) {
    this.#parts = parts
  }

  /** Never rejects. What changes many rows takes its time, in steps, one call after the other. */
  async answer(request: OutboxRequest): Promise<OutboxAnswer> {
    const { call } = request
    if (call !== 'redrive' && call !== 'replay' && call !== 'purge') return this.#try(() => this.#look(request))
    const answer = this.#changes.then(() => this.#change(request))
    this.#changes = answer
    return answer
  }

  /** Forgets delivered rows that are older than `retainMs`, if it is not about it already. */
  sweep(retainMs: number): void {
    const { disk } = this.#parts
    if (retainMs === 0 || this.#sweeping) return
    this.#sweeping = true
    inSteps(forget(disk, Date.now() - retainMs))
      // It is tried again with the next tick, and the disk tells of itself when events meet the same error.
      .catch(() => undefined)
      .finally(() => {
        this.#sweeping = false
      })
  }

  async #try(work: () => OutboxAnswer | Promise<OutboxAnswer>): Promise<OutboxAnswer> {
    const { outbox } = this.#parts.disk
    if (outbox === undefined) return { ok: false, error: 'the outbox is not open: see the log of the agent' }
    try {
      // What is settled already must not be shown, and not be sent once more.
      outbox.flush()
      return await work()
    } catch (error) {
      return { ok: false, error: messageOf(error) }
    }
  }

  #look(request: Exclude<OutboxRequest, Change>): OutboxAnswer | Promise<OutboxAnswer> {
    const { disk, path, cipher, counted } = this.#parts
    const outbox = stillOpen(disk)
    const { db } = outbox
    switch (request.call) {
      case 'list':
        return inSteps(listRows(disk, request))
      case 'show':
        return showRow(db, request.id, cipher)
      case 'status':
        return { ok: true, status: statusOf(db, path, cipher !== undefined, counted()) }
      case 'pause':
      case 'resume': {
        const statement =
          request.call === 'pause'
            ? 'INSERT OR IGNORE INTO paused (rule, since) VALUES (?, unixepoch() * 1000)'
            : 'DELETE FROM paused WHERE rule = ?'
        const { changes } = db.prepare(statement).run(request.rule)
        if (changes > 0) this.#parts.paused(outbox.pausedRules())
        return { ok: true, changed: Number(changes) }
      }
    }
  }

  /** What is done stays done when something goes wrong in the middle of it, so the error says how much it was. */
  async #change(request: Change): Promise<OutboxAnswer> {
    let changed = 0
    const told = (events: number): void => {
      changed += events
      if (events > 0) this.#parts.changed()
    }
    let unreadable: Unreadable | undefined
    const toldUnreadable = (rows: readonly UnreadableRow[]): void => {
      const { why = messageOf(rows[0]?.error), events = 0 } = unreadable ?? {}
      unreadable = { events: rows.reduce((sum, row) => sum + row.events, events), why }
    }
    const answer = await this.#try(async () => {
      await inSteps(this.#stepsOf(request, told, toldUnreadable))
      return { ok: true, changed, ...(unreadable !== undefined && { unreadable }) }
    })
    if (unreadable !== undefined) {
      const fields = { call: request.call, ...unreadable }
      this.#parts.log.error(fields, 'events of the outbox cannot be read: they stay where they are')
    }
    return answer.ok || changed === 0 ? answer : { ...answer, error: `${answer.error}; done before: ${changed} events` }
  }

  #stepsOf(
    request: Change,
    told: (events: number) => void,
    unreadable: (rows: readonly UnreadableRow[]) => void,
  ): Steps<void> {
    const { disk, ledger } = this.#parts
    const { filter } = request
    if (request.call === 'purge') {
      const parts = { disk, ledger, filter, purged: told }
      if (request.table === 'pending') return purgePending(parts)
      return purge(request.table === 'dead' ? 'dead_letters' : 'delivered', parts)
    }
    const reopened = (rows: readonly Reopened[]): void => {
      for (const { rule, ...amount } of rows) ledger.reopen(rule, amount)
      told(rows.reduce((sum, { events }) => sum + events, 0))
    }
    return (request.call === 'redrive' ? redrive : replay)({ disk, filter, reopened, unreadable })
  }
}
