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

/**
 * What the decision path counts: plain slots, an addition each, read by the metrics when somebody asks.
 * The first row of each table stands for {@link NO_RULE}.
 */
export class DecisionCounters {
  readonly ruleNames: readonly string[]
  readonly #decisions: Float64Array
  readonly #outcomes: Float64Array
  readonly #ruleIndex: ReadonlyMap<string, number>
  readonly durationBuckets: Float64Array = new Float64Array(DECISION_BUCKETS_S.length + 1)
  durationSumS = 0

  constructor(rules: readonly CompiledRule[]) {
    this.ruleNames = [NO_RULE, ...rules.map((rule) => rule.name)]
    this.#ruleIndex = new Map(this.ruleNames.map((name, i) => [name, i]))
    this.#decisions = new Float64Array(this.ruleNames.length * REASON_NAMES.length)
    this.#outcomes = new Float64Array(this.ruleNames.length * OUTCOME_CLASSES.length)
  }

  decision(rule: CompiledRule | undefined, reason: DecisionReason): void {
    const slot = (rule === undefined ? 0 : rule.index + 1) * REASON_NAMES.length + (REASON_INDEX.get(reason) ?? 0)
    this.#decisions[slot] = (this.#decisions[slot] ?? 0) + 1
  }

  /** @param seconds CPU and waiting time from the message's arrival to its decision */
  duration(seconds: number): void {
    let bucket = 0
    while (bucket < DECISION_BUCKETS_S.length && seconds > (DECISION_BUCKETS_S[bucket] ?? 0)) bucket++
    this.durationBuckets[bucket] = (this.durationBuckets[bucket] ?? 0) + 1
    this.durationSumS += seconds
  }

  outcome(rule: string, status: number): void {
    const hundreds = Math.floor(status / 100)
    const column = hundreds >= 1 && hundreds <= 5 ? hundreds - 1 : 5
    const slot = (this.#ruleIndex.get(rule) ?? 0) * OUTCOME_CLASSES.length + column
    this.#outcomes[slot] = (this.#outcomes[slot] ?? 0) + 1
  }

  /** Every rule's allows, also those that never happened: `rate()` needs the zero. Denials once they have happened. */
  *decisions(): Iterable<{ rule: string; reason: string; count: number }> {
    for (const [r, rule] of this.ruleNames.entries()) {
      for (const [i, reason] of REASON_NAMES.entries()) {
        const count = this.#decisions[r * REASON_NAMES.length + i] ?? 0
        if (count > 0 || reason === 'ok') yield { rule, reason, count }
      }
    }
  }

  *outcomes(): Iterable<{ rule: string; status: string; count: number }> {
    for (const [r, rule] of this.ruleNames.entries()) {
      for (const [i, status] of OUTCOME_CLASSES.entries()) {
        const count = this.#outcomes[r * OUTCOME_CLASSES.length + i] ?? 0
        if (count > 0) yield { rule, status, count }
      }
    }
  }
}
