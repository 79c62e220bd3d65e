import type { Command } from './command.ts'
import { GLOBAL, type Counters } from './counters.ts'
import type { Entry } from './job.ts'
import type { Ledger } from './ledger.ts'
import type { Log } from './protocol.ts'
import type { RecentIds } from './recent-ids.ts'
import type { Store } from './store.ts'

/** Durable events that may be in memory; what comes after waits on disk, so that a long outage costs no memory. */
const RESIDENT = 16_384
/** Rows read back at once: a page takes a few milliseconds, during which no answer of Temporal is read. */
const PAGE = 1_000

export interface IntakeParts {
  readonly counters: Counters
  readonly ledger: Ledger
  readonly store: Store
  readonly recent: RecentIds
  /** Rows the outbox may hold. */
  readonly maxRows: number
  readonly log: Log
  /** Takes an event that is to be delivered now. */
  readonly admit: (entry: Entry) => void
}

/** Where commands enter the thread: from the hot side in batches, and from the disk in pages. */
export class Intake {
  readonly #parts: IntakeParts

  constructor(parts: IntakeParts) {
    this.#parts = parts
  }

  /** Takes a batch. Durable events are on disk when this returns, in one commit. */
  take(commands: readonly Command[]): void {
    const durable: Command[] = []
    for (const command of commands) {
      const { recent, ledger } = this.#parts
      if (recent.has(command.event.id)) {
        ledger.refuse(ledger.row(command.rule), 'deduplicated')
        continue
      }
      recent.add(command.event.id)
      if (command.delivery === 'durable') durable.push(command)
      else this.#keep(command, 0)
    }
    if (durable.length > 0) this.#store(durable)
  }

  /** Reads rows back while there is room. Returns whether it read any. */
  load(): boolean {
    const { ledger, store } = this.#parts
    if (store.caughtUp || ledger.inMemory > RESIDENT / 2) return false
    const rows = store.page(PAGE)
    for (const { seq, rule, body } of rows) {
      const row = ledger.row(rule)
      const command = parse(body)
      if (command === undefined) {
        this.#parts.log.error({ seq, rule }, 'a row of the outbox is not a command: moved to the dead letters')
        store.deadLetter(seq, 'the row is not a command', 0)
        ledger.settleRow(row, 'deadLettered')
        continue
      }
      const entry: Entry = { command, rule: row, seq, from: 'disk' }
      this.#parts.recent.add(command.event.id)
      ledger.load(entry)
      this.#parts.admit(entry)
    }
    return rows.length > 0
  }

  /** Opens the outbox when it is not open, and takes over what earlier runs left in it. */
  openStore(): void {
    const { store, ledger, log } = this.#parts
    const recovered = store.open()
    if (recovered === undefined || recovered.size === 0) return
    for (const [rule, rows] of recovered) ledger.recover(rule, rows)
    log.info(
      { rows: ledger.stored, rules: Object.fromEntries(recovered) },
      'events of an earlier run are delivered first',
    )
  }

  #store(commands: readonly Command[]): void {
    const { store, ledger, recent, maxRows, counters } = this.#parts
    const resident = store.caughtUp && ledger.inMemory + commands.length <= RESIDENT
    const inserted = store.insert(commands, Math.max(0, maxRows - ledger.stored), resident)
    commands.forEach((command, i) => {
      const result = inserted?.[i]
      if (result === undefined) {
        counters.addGlobal(GLOBAL.unstored)
        this.#keep(command, 0)
      } else if (result === 'duplicate') ledger.refuse(ledger.row(command.rule), 'deduplicated')
      else if (result === 'full') {
        // Not taken, so the same event may be offered again.
        recent.delete(command.event.id)
        ledger.refuse(ledger.row(command.rule), 'shed')
      } else if (resident) this.#keep(command, result)
      else ledger.spill(ledger.row(command.rule))
    })
  }

  #keep(command: Command, seq: number): void {
    const entry: Entry = { command, rule: this.#parts.ledger.row(command.rule), seq, from: 'hot' }
    this.#parts.ledger.keep(entry)
    this.#parts.admit(entry)
  }
}

/** The command in a row; undefined when the row holds anything else. */
function parse(body: string): Command | undefined {
  try {
    const command = JSON.parse(body) as Partial<Command> | null
    const whole = typeof command?.workflowId === 'string' && typeof command.event?.id === 'string'
    return whole ? (command as Command) : undefined
  } catch {
    // The caller logs the row. What the parser says would quote the body, which names people.
    return undefined
  }
}
