import { Counters } from '../counters.ts'
import { DispatchError } from '../errors.ts'
import type { Disk } from './disk.ts'
import { Ledger } from './ledger.ts'
import { Operator } from './operator.ts'
import { Outbox } from './outbox.ts'
import type { OutboxAnswer, OutboxRequest } from './outbox-calls.ts'
import { whereOf } from './outbox-view.ts'
import type { RowCipher } from './row-cipher.ts'

/**
 * The outbox of an agent that does not run, for its operator. As long as it is open no agent can open it. What is done to
 * it is in nobody's counters: those begin anew with the agent, which finds what is there.
 */
export class OfflineOutbox {
  readonly #outbox: Outbox
  readonly #operator: Operator
  readonly #isSealed: boolean

  /**
   * @param path of a file that is there: else a new one would be made
   * @param cipher without it what is encrypted stays so
   * @throws what `Outbox` does
   */
  constructor(path: string, cipher?: RowCipher) {
    // Not by way of a `Disk`: that sets aside what it cannot use, and this only wants to look.
    const outbox = (this.#outbox = new Outbox(path, cipher))
    this.#isSealed = cipher === undefined
    this.#operator = new Operator({
      disk: { outbox, works: true } as Disk,
      ledger: new Ledger(new Counters([])),
      path,
      cipher,
      // Its only caller is told the same by the answer.
      log: { debug() {}, info() {}, warn() {}, error() {} },
      // Nobody counts events of an agent that does not run, and nobody waits meanwhile.
      counted() {
        outbox.dead.recount()
        const pending = [...outbox.amounts().values()].reduce((sum, { events }) => sum + events, 0)
        return { pending, dead: outbox.dead.events }
      },
      paused() {},
      changed() {},
    })
  }

  /** @throws DispatchError DISPATCH_OUTBOX_KEY where rows would be left out without a word */
  async ask(request: OutboxRequest): Promise<OutboxAnswer> {
    if (this.#isSealed && (request.call === 'redrive' || request.call === 'replay') && this.#meetsSealed(request)) {
      throw new DispatchError('DISPATCH_OUTBOX_KEY')
    }
    return this.#operator.answer(request)
  }

  /** Gives the lock up. */
  close(): void {
    this.#outbox.close()
  }

  #meetsSealed({ call, filter }: OutboxRequest & { call: 'redrive' | 'replay' }): boolean {
    const { where, values } = whereOf(filter)
    const table = call === 'redrive' ? 'dead_letters' : 'delivered'
    const sql = `SELECT 1 FROM ${table} WHERE typeof(body) = 'blob' AND ${where} LIMIT 1`
    return this.#outbox.db.prepare(sql).get(...values) !== undefined
  }
}
