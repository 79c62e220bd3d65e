/**
 * Counters shared by the threads. Each slot is written by one thread only, so counting needs no atomics: a reader sees a
 * value that was true a moment ago.
 */

/** Where commands of rules without a row are counted: out of an older outbox, or beyond {@link SPARE_RULES}. */
export const OTHER_RULE = '(other)'

/**
 * Slots of one rule. The first three and `windowed` belong to the hot side, `actions` and those of summaries to the ship
 * thread, the rest to the store thread.
 */
export const SLOT = {
  received: 0,
  shedHot: 1,
  sampledOut: 2,
  recovered: 3,
  taken: 4,
  delivered: 5,
  deduplicated: 6,
  coalesced: 7,
  rateLimited: 8,
  shed: 9,
  deadLettered: 10,
  /** Pending in memory only. */
  inMemory: 11,
  /** Pending with a row in the outbox, whether or not it is in memory as well. */
  stored: 12,
  /** What Temporal Cloud bills for the calls of the rule, as far as the agent can know. */
  actions: 13,
  /** Requests that a window counts, because their events are beyond the budget of the rule. */
  windowed: 14,
  /** Of windows: how many summaries Temporal has taken, and what it bills for them, which is part of `actions`. */
  summaries: 15,
  summaryActions: 16,
} as const
const SLOTS = 17

/** Slots of the whole dispatcher: of the hot side `accepted…`, of the ship thread `calls` and `unindexed`, else of the store. */
export const GLOBAL = {
  accepted: 0,
  /** Bytes of their packets. */
  acceptedBytes: 1,
  /** Accepted commands that no longer occupy memory: settled, or left on disk for later. */
  released: 2,
  releasedBytes: 3,
  /** Events on disk that are not settled. */
  stored: 4,
  /** Bytes of their rows. */
  storedBytes: 5,
  /** Milliseconds since the epoch of the oldest pending event; 0 when none is pending. */
  oldestAt: 6,
  /** Calls to Temporal that were attempted. */
  calls: 7,
  /** Events that stayed in memory because the outbox did not take them. */
  unstored: 8,
  /** Starts that went without search attributes, because the namespace has none of ours. */
  unindexed: 9,
  /** Dead letters that wait for somebody. */
  deadLetters: 10,
  /** Calls in flight now, and how many may be. */
  inFlight: 11,
  concurrency: 12,
  /** Dead letters that are not kept: deleted for newer ones, or without a disk that takes them. */
  deadLettersDropped: 13,
} as const
const GLOBALS = 14

/** Rows for the rules of later configurations: a megabyte that takes up memory only where it is written to. */
export const SPARE_RULES = 10_000

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
  /** Beyond the budget of the rule: counted in a window. Its summary is an event of its own. */
  readonly windowed: number
  readonly rateLimited: number
  readonly shed: number
  readonly deadLettered: number
  readonly pending: number
}

/** What a budget is held against: counts of one rule since the process began. */
export interface Spent {
  /** Those that the rule was asked for, whatever became of them. */
  readonly requests: number
  /** Events that have ended, whatever their end; summaries of windows are none. */
  readonly settled: number
  /** What Temporal bills for them. */
  readonly actions: number
  /** What Temporal bills for summaries of the rule's windows. */
  readonly summaryActions: number
}

export interface DispatchCounters {
  /** By rule name; rules that the configuration does not know share `(other)`. */
  readonly rules: Readonly<Record<string, RuleCounters>>
  readonly total: RuleCounters
  /** By rule name: what Temporal Cloud bills for its calls, as far as the agent can know. */
  readonly actions: Readonly<Record<string, number>>
  /** Rows that earlier runs left in the outbox; part of `received`. */
  readonly recovered: number
  /** Calls to Temporal that were attempted: what Temporal Cloud bills, and what retries cost. */
  readonly calls: number
  /** Durable events that stayed in memory because the outbox refused them. */
  readonly unstored: number
  /** Starts without search attributes, because the namespace has none of ours. */
  readonly unindexed: number
  /** Accepted events that take up memory now, and the bytes of their packets. */
  readonly memory: { readonly events: number; readonly bytes: number }
  readonly outbox: {
    /** Events on disk that are not settled. */
    readonly events: number
    /** Bytes of their rows. */
    readonly bytes: number
    /** Events among the dead letters. */
    readonly deadLetters: number
    /** Events of dead letters that are not kept: deleted for newer ones, or without a disk that takes them. */
    readonly deadLettersDropped: number
  }
  /** Calls to Temporal under way now, and how many may be. */
  readonly inFlight: number
  readonly concurrency: number
}

/** The arrays over the shared memory, and the names of their rows. */
export class Counters {
  readonly shared: SharedArrayBuffer
  /** By row; those of rules that a reload has taken away stay. */
  readonly names: readonly string[]
  readonly global: Float64Array
  readonly #rules: Float64Array
  readonly #index = new Map<string, number>()
  readonly #names: string[]
  /** Row of {@link OTHER_RULE}. */
  readonly other: number

  constructor(rules: readonly string[], shared?: SharedArrayBuffer) {
    this.#names = [...new Set(rules).add(OTHER_RULE)]
    this.names = this.#names
    this.other = this.names.indexOf(OTHER_RULE)
    this.names.forEach((name, row) => this.#index.set(name, row))
    this.shared = shared ?? new SharedArrayBuffer((GLOBALS + SLOTS * (this.names.length + SPARE_RULES)) * 8)
    this.global = new Float64Array(this.shared, 0, GLOBALS)
    this.#rules = new Float64Array(this.shared, GLOBALS * 8)
  }

  /**
   * Gives rows to rules that have none yet. Both threads add the same names in the same order, each before it counts
   * anything of them.
   * @returns how many there is no row for: they share that of {@link OTHER_RULE}
   */
  addRules(rules: readonly string[]): number {
    let without = 0
    for (const name of rules) {
      if (this.#index.has(name)) continue
      if ((this.#names.length + 1) * SLOTS > this.#rules.length) without++
      else this.#index.set(name, this.#names.push(name) - 1)
    }
    return without
  }

  /** Row of a rule name. */
  row(rule: string): number {
    return this.#index.get(rule) ?? this.other
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
    const get = (slot: number): number => this.getGlobal(slot)
    return {
      rules,
      total,
      actions: Object.fromEntries(this.names.map((name, row) => [name, this.get(row, SLOT.actions)])),
      recovered,
      calls: get(GLOBAL.calls),
      unstored: get(GLOBAL.unstored),
      unindexed: get(GLOBAL.unindexed),
      memory: {
        events: get(GLOBAL.accepted) - get(GLOBAL.released),
        bytes: get(GLOBAL.acceptedBytes) - get(GLOBAL.releasedBytes),
      },
      outbox: {
        events: get(GLOBAL.stored),
        bytes: get(GLOBAL.storedBytes),
        deadLetters: get(GLOBAL.deadLetters),
        deadLettersDropped: get(GLOBAL.deadLettersDropped),
      },
      inFlight: get(GLOBAL.inFlight),
      concurrency: get(GLOBAL.concurrency),
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
      windowed: get(SLOT.windowed),
      rateLimited: get(SLOT.rateLimited),
      shed: get(SLOT.shedHot) + get(SLOT.shed),
      deadLettered: get(SLOT.deadLettered),
      pending: this.untaken(row) + get(SLOT.inMemory) + get(SLOT.stored),
    }
  }

  /** What a row has come to; makes one object. */
  spent(row: number): Spent {
    let settled = this.get(row, SLOT.shedHot)
    for (let slot: number = SLOT.delivered; slot <= SLOT.deadLettered; slot++) settled += this.get(row, slot)
    const summaries = this.get(row, SLOT.summaries)
    const summaryActions = this.get(row, SLOT.summaryActions)
    return {
      requests: this.get(row, SLOT.received) - summaries,
      settled: settled - summaries,
      actions: this.get(row, SLOT.actions) - summaryActions,
      summaryActions,
    }
  }

  /** Accepted by the hot side, not yet seen by the thread. */
  untaken(row: number): number {
    const { received, shedHot, sampledOut, windowed, taken } = SLOT
    const elsewhere = this.get(row, shedHot) + this.get(row, sampledOut) + this.get(row, windowed)
    return this.get(row, received) - elsewhere - this.get(row, taken)
  }
}

const ZERO: RuleCounters = {
  received: 0,
  delivered: 0,
  deduplicated: 0,
  coalesced: 0,
  sampledOut: 0,
  windowed: 0,
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
    windowed: a.windowed + b.windowed,
    rateLimited: a.rateLimited + b.rateLimited,
    shed: a.shed + b.shed,
    deadLettered: a.deadLettered + b.deadLettered,
    pending: a.pending + b.pending,
  }
}
