/**
 * Counters shared by the two threads. Each slot is written by one thread only, so counting needs no atomics: a reader
 * sees a value that was true a moment ago.
 */

/** Where commands of rules that this configuration does not know are counted: they come out of an older outbox. */
export const OTHER_RULE = '(other)'

/** Slots of one rule. The first two belong to the hot side, the rest to the dispatcher's thread. */
export const SLOT = {
  received: 0,
  shedHot: 1,
  recovered: 2,
  taken: 3,
  delivered: 4,
  deduplicated: 5,
  coalesced: 6,
  sampledOut: 7,
  rateLimited: 8,
  shed: 9,
  deadLettered: 10,
  /** Pending in memory only. */
  inMemory: 11,
  /** Pending with a row in the outbox, whether or not it is in memory as well. */
  stored: 12,
} as const
const SLOTS = 13

/** Slots of the whole dispatcher. `accepted` belongs to the hot side, the rest to the thread. */
export const GLOBAL = {
  accepted: 0,
  /** Accepted commands that no longer occupy memory: settled, or left on disk for later. */
  released: 1,
  outboxRows: 2,
  /** Milliseconds since the epoch of the oldest pending event; 0 when none is pending. */
  oldestAt: 3,
  /** Calls to Temporal that were attempted. */
  calls: 4,
  /** Events that stayed in memory because the outbox did not take them. */
  unstored: 5,
  /** Starts that went without search attributes, because the namespace has none of ours. */
  unindexed: 6,
} as const
const GLOBALS = 7

/** What happened to the events of one rule; `pending` is counted by itself, not derived from the rest. */
export interface RuleCounters {
  /** Events handed to `dispatch` and rows recovered from the outbox at start. */
  readonly received: number
  /** Temporal has the event. Each record of a meter batch counts. */
  readonly delivered: number
  /**
   * Known already, to this process, its outbox or Temporal. After a crash, or in another agent, a repetition under the
   * same request id is answered like the first call: it has no second effect, but counts as delivered.
   */
  readonly deduplicated: number
  readonly coalesced: number
  readonly sampledOut: number
  readonly rateLimited: number
  readonly shed: number
  readonly deadLettered: number
  readonly pending: number
}

export interface DispatchCounters {
  /** By rule name; rules that the configuration does not know share `(other)`. */
  readonly rules: Readonly<Record<string, RuleCounters>>
  readonly total: RuleCounters
  /** Rows that earlier runs left in the outbox; part of `received`. */
  readonly recovered: number
  /** Calls to Temporal that were attempted: what Temporal Cloud bills, and what retries cost. */
  readonly calls: number
  /** Durable events that stayed in memory because the outbox refused them. */
  readonly unstored: number
  /** Starts without search attributes, because the namespace has none of ours. */
  readonly unindexed: number
}

/** The arrays over the shared memory, and the names of their rows. */
export class Counters {
  readonly shared: SharedArrayBuffer
  readonly names: readonly string[]
  readonly global: Float64Array
  readonly #rules: Float64Array
  readonly #index = new Map<string, number>()
  readonly #other: number

  constructor(rules: readonly string[], shared?: SharedArrayBuffer) {
    this.names = [...new Set(rules).add(OTHER_RULE)]
    this.#other = this.names.indexOf(OTHER_RULE)
    this.names.forEach((name, row) => this.#index.set(name, row))
    this.shared = shared ?? new SharedArrayBuffer((GLOBALS + SLOTS * this.names.length) * 8)
    this.global = new Float64Array(this.shared, 0, GLOBALS)
    this.#rules = new Float64Array(this.shared, GLOBALS * 8)
  }

  /** Row of a rule name. */
  row(rule: string): number {
    return this.#index.get(rule) ?? this.#other
  }

  add(row: number, slot: number, by = 1): void {
    const at = row * SLOTS + slot
    this.#rules[at] = (this.#rules[at] ?? 0) + by
  }

  get(row: number, slot: number): number {
    return this.#rules[row * SLOTS + slot] ?? 0
  }

  addGlobal(slot: number, by = 1): void {
    this.global[slot] = (this.global[slot] ?? 0) + by
  }

  getGlobal(slot: number): number {
    return this.global[slot] ?? 0
  }

  /** Everything as plain numbers; exact at any moment at which both threads are quiet. */
  read(): DispatchCounters {
    const rules: Record<string, RuleCounters> = {}
    const total = this.names.map((name, row) => (rules[name] = this.#read(row))).reduce(sum, ZERO)
    const recovered = this.names.reduce((n, _, row) => n + this.get(row, SLOT.recovered), 0)
    return {
      rules,
      total,
      recovered,
      calls: this.getGlobal(GLOBAL.calls),
      unstored: this.getGlobal(GLOBAL.unstored),
      unindexed: this.getGlobal(GLOBAL.unindexed),
    }
  }

  #read(row: number): RuleCounters {
    const get = (slot: number): number => this.get(row, slot)
    return {
      received: get(SLOT.received) + get(SLOT.recovered),
      delivered: get(SLOT.delivered),
      deduplicated: get(SLOT.deduplicated),
      coalesced: get(SLOT.coalesced),
      sampledOut: get(SLOT.sampledOut),
      rateLimited: get(SLOT.rateLimited),
      shed: get(SLOT.shedHot) + get(SLOT.shed),
      deadLettered: get(SLOT.deadLettered),
      pending: this.untaken(row) + get(SLOT.inMemory) + get(SLOT.stored),
    }
  }

  /** Accepted by the hot side, not yet seen by the thread. */
  untaken(row: number): number {
    return this.get(row, SLOT.received) - this.get(row, SLOT.shedHot) - this.get(row, SLOT.taken)
  }
}

const ZERO: RuleCounters = {
  received: 0,
  delivered: 0,
  deduplicated: 0,
  coalesced: 0,
  sampledOut: 0,
  rateLimited: 0,
  shed: 0,
  deadLettered: 0,
  pending: 0,
}

function sum(a: RuleCounters, b: RuleCounters): RuleCounters {
  return {
    received: a.received + b.received,
    delivered: a.delivered + b.delivered,
    deduplicated: a.deduplicated + b.deduplicated,
    coalesced: a.coalesced + b.coalesced,
    sampledOut: a.sampledOut + b.sampledOut,
    rateLimited: a.rateLimited + b.rateLimited,
    shed: a.shed + b.shed,
    deadLettered: a.deadLettered + b.deadLettered,
    pending: a.pending + b.pending,
  }
}
