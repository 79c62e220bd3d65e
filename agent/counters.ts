import { denyReasons } from './identity/reasons.ts'
import type { DecisionReason } from './rules/decision.ts'
import type { CompiledRule } from './rules/rule.ts'

/** Name under which what no rule decided is counted. */
export const NO_RULE = '(none)'

/** Upper bounds of the decision time histogram, in seconds; one more bucket takes the rest. */
export const DECISION_BUCKETS_S = [
  5e-6, 10e-6, 25e-6, 50e-6, 100e-6, 250e-6, 500e-6, 1e-3, 2.5e-3, 5e-3, 10e-3, 25e-3, 50e-3,
] as const

const OUTCOME_CLASSES = ['1xx', '2xx', '3xx', '4xx', '5xx', 'other'] as const

const REASON_INDEX = new Map<string, number>([
  ['ok', 0],
  ['fail_open', 1],
  ...denyReasons.map((reason, i): [string, number] => [reason, i + 2]),
])
const REASON_NAMES = ['ok', 'fail_open', ...denyReasons] as const

/** What is counted by rule name, over all generations of the configuration. */
class Totals {
  readonly names: string[] = [NO_RULE]
  readonly rows = new Map<string, number>([[NO_RULE, 0]])
  decisions = new Float64Array(REASON_NAMES.length)
  shadows = new Float64Array(REASON_NAMES.length)
  outcomes = new Float64Array(OUTCOME_CLASSES.length)
  readonly durationBuckets = new Float64Array(DECISION_BUCKETS_S.length + 1)
  durationSumS = 0

  /** The row of each of these names; new ones get the next. */
  rowsOf(names: readonly string[]): Int32Array {
    const rows = Int32Array.from(names, (name) => this.#rowOf(name))
    this.decisions = grown(this.decisions, this.names.length * REASON_NAMES.length)
    this.shadows = grown(this.shadows, this.names.length * REASON_NAMES.length)
    this.outcomes = grown(this.outcomes, this.names.length * OUTCOME_CLASSES.length)
    return rows
  }

  #rowOf(name: string): number {
    const known = this.rows.get(name)
    if (known !== undefined) return known
    const row = this.names.push(name) - 1
    this.rows.set(name, row)
    return row
  }
}

function grown(counts: Float64Array<ArrayBuffer>, length: number): Float64Array<ArrayBuffer> {
  if (counts.length >= length) return counts
  const longer = new Float64Array(length)
  longer.set(counts)
  return longer
}

/**
 * What the decision path counts: plain slots, an addition each, read by the metrics when somebody asks. Counted by the
 * names of rules: after a reload a rule goes on where it was, wherever it stands now, and those that are gone keep what
 * they had, because counters must not go back.
 */
export class DecisionCounters {
  readonly #totals: Totals
  /** Row of each rule, by its index; what no rule decided has the first, {@link NO_RULE}. */
  readonly #rows: Int32Array

  /** @param former the counters of the configuration before; these go on with its counts */
  constructor(rules: readonly Pick<CompiledRule, 'name'>[], former?: DecisionCounters) {
    this.#totals = former === undefined ? new Totals() : former.#totals
    this.#rows = this.#totals.rowsOf(rules.map(({ name }) => name))
  }

  /** All that were ever in force, {@link NO_RULE} first. */
  get ruleNames(): readonly string[] {
    return this.#totals.names
  }

  get durationBuckets(): Float64Array {
    return this.#totals.durationBuckets
  }

  get durationSumS(): number {
    return this.#totals.durationSumS
  }

  decision(rule: CompiledRule | undefined, reason: DecisionReason): void {
    const { decisions } = this.#totals
    const row = rule === undefined ? 0 : (this.#rows[rule.index] ?? 0)
    const slot = row * REASON_NAMES.length + (REASON_INDEX.get(reason) ?? 0)
    decisions[slot] = (decisions[slot] ?? 0) + 1
  }

  /** What a rule in shadow mode would have decided. */
  shadow(rule: CompiledRule, reason: DecisionReason): void {
    const { shadows } = this.#totals
    const slot = (this.#rows[rule.index] ?? 0) * REASON_NAMES.length + (REASON_INDEX.get(reason) ?? 0)
    shadows[slot] = (shadows[slot] ?? 0) + 1
  }

  /** @param seconds CPU and waiting time from the message's arrival to its decision */
  duration(seconds: number): void {
    const totals = this.#totals
    let bucket = 0
    while (bucket < DECISION_BUCKETS_S.length && seconds > (DECISION_BUCKETS_S[bucket] ?? 0)) bucket++
    totals.durationBuckets[bucket] = (totals.durationBuckets[bucket] ?? 0) + 1
    totals.durationSumS += seconds
  }

  /** @param rule name of any rule since the start: the request may have been let through before a reload */
  outcome(rule: string, status: number): void {
    const { outcomes, rows } = this.#totals
    const hundreds = Math.floor(status / 100)
    const column = hundreds >= 1 && hundreds <= 5 ? hundreds - 1 : 5
    const slot = (rows.get(rule) ?? 0) * OUTCOME_CLASSES.length + column
    outcomes[slot] = (outcomes[slot] ?? 0) + 1
  }

  /** Every rule's allows, also those that never happened: `rate()` needs the zero. Denials once they have happened. */
  *decisions(): Iterable<{ rule: string; reason: string; count: number }> {
    for (const [r, rule] of this.ruleNames.entries()) {
      for (const [i, reason] of REASON_NAMES.entries()) {
        const count = this.#totals.decisions[r * REASON_NAMES.length + i] ?? 0
        if (count > 0 || reason === 'ok') yield { rule, reason, count }
      }
    }
  }

  /** What shadow rules would have decided, where they matched. */
  *shadows(): Iterable<{ rule: string; reason: string; count: number }> {
    for (const [r, rule] of this.ruleNames.entries()) {
      for (const [i, reason] of REASON_NAMES.entries()) {
        const count = this.#totals.shadows[r * REASON_NAMES.length + i] ?? 0
        if (count > 0) yield { rule, reason, count }
      }
    }
  }

  *outcomes(): Iterable<{ rule: string; status: string; count: number }> {
    for (const [r, rule] of this.ruleNames.entries()) {
      for (const [i, status] of OUTCOME_CLASSES.entries()) {
        const count = this.#totals.outcomes[r * OUTCOME_CLASSES.length + i] ?? 0
        if (count > 0) yield { rule, status, count }
      }
    }
  }
}
