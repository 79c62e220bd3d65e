import { GLOBAL, SLOT, type Counters } from './counters.ts'
import type { Entry } from './job.ts'

/** How an event may end. The names are slots of its rule. */
export type Outcome =
  | 'delivered'
  | 'deduplicated'
  | 'coalesced'
  | 'sampledOut'
  | 'rateLimited'
  | 'shed'
  | 'deadLettered'

/**
 * The thread's books: every event enters once, through `refuse`, `keep` or `recover`, and leaves once, through
 * `settle`. All counting of the thread is done here, which is what makes the conservation law a matter of one file.
 */
export class Ledger {
  readonly #counters: Counters
  /** Oldest first: entries join in the order of their arrival. */
  readonly #inMemory = new Set<Entry>()
  #stored = 0
  #unstored = 0

  constructor(counters: Counters) {
    this.#counters = counters
  }

  /** Events in the thread's memory. */
  get inMemory(): number {
    return this.#inMemory.size
  }

  /** Rows in the outbox that are not settled. */
  get stored(): number {
    return this.#stored
  }

  /** Every event that has not ended. */
  get pending(): number {
    return this.#stored + this.#unstored
  }

  /** Counter row of a rule name. */
  row(rule: string): number {
    return this.#counters.row(rule)
  }

  /** Rows found in the outbox when it was opened. */
  recover(rule: string, rows: number): void {
    const row = this.#counters.row(rule)
    this.#counters.add(row, SLOT.recovered, rows)
    this.#addStored(row, rows)
  }

  /** A command that ends as it arrives. */
  refuse(rule: number, outcome: Outcome): void {
    this.#counters.add(rule, SLOT.taken)
    this.#counters.add(rule, SLOT[outcome])
    this.#counters.addGlobal(GLOBAL.released)
  }

  /** A command that was stored and stays on disk until there is room for it. */
  spill(rule: number): void {
    this.#counters.add(rule, SLOT.taken)
    this.#addStored(rule, 1)
    this.#counters.addGlobal(GLOBAL.released)
  }

  /** A command that stays in memory, with or without a row in the outbox. */
  keep(entry: Entry): void {
    this.#counters.add(entry.rule, SLOT.taken)
    if (entry.seq > 0) this.#addStored(entry.rule, 1)
    else this.#addUnstored(entry.rule, 1)
    this.#inMemory.add(entry)
  }

  /** A row that was read back from the outbox, counted before by `recover` or `spill`. */
  load(entry: Entry): void {
    this.#inMemory.add(entry)
  }

  /** The entry has ended. Counts it once, however often it is told. */
  settle(entry: Entry, outcome: Outcome): void {
    if (!this.#inMemory.delete(entry)) return
    this.#counters.add(entry.rule, SLOT[outcome])
    if (entry.seq > 0) this.#addStored(entry.rule, -1)
    else this.#addUnstored(entry.rule, -1)
    if (entry.from === 'hot') this.#counters.addGlobal(GLOBAL.released)
  }

  /** A row that could not be read back as a command, so that it never became an entry. */
  settleRow(rule: number, outcome: Outcome): void {
    this.#counters.add(rule, SLOT[outcome])
    this.#addStored(rule, -1)
  }

  /** Entries that would be lost if the process ended now. */
  *unstored(): Generator<Entry> {
    for (const entry of this.#inMemory) if (entry.seq === 0) yield entry
  }

  /** When the oldest event in memory happened, milliseconds since the epoch; undefined when there is none. */
  oldestAt(): number | undefined {
    return this.#inMemory.values().next().value?.command.event.at
  }

  #addStored(row: number, by: number): void {
    this.#stored += by
    this.#counters.add(row, SLOT.stored, by)
    this.#counters.global[GLOBAL.outboxRows] = this.#stored
  }

  #addUnstored(row: number, by: number): void {
    this.#unstored += by
    this.#counters.add(row, SLOT.inMemory, by)
  }
}
