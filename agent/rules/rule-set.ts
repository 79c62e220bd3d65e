import type { VerdictTable } from '../verdicts/verdict-table.ts'
import type { ConnectionFact } from './cel.ts'
import type { Decision } from './decision.ts'
import type { CompiledRule } from './rule.ts'
import type { RuleIndex } from './rule-index.ts'

/** Rules that are tried in order, and what stands around them. */
export interface Policy {
  readonly ordered: readonly CompiledRule[]
  /** Finds those of `ordered` that may match, by their place in it. */
  readonly index: RuleIndex
  /** Status when no rule matches. */
  readonly defaultDeny: number
  /** What workflows have told of callers. */
  readonly verdicts: VerdictTable
  /** Told what a rule in shadow mode would have decided. */
  readonly onShadow: (rule: CompiledRule, decision: Decision) => void
}

/** All rules of a configuration; as a policy, those for requests. */
export interface RuleSet extends Policy {
  /** In the order of the file, by {@link CompiledRule.index}. */
  readonly rules: readonly CompiledRule[]
  /** Rules for connections. */
  readonly connections: Policy
  /** Whether some rule depends on the host, so that a request without one cannot be judged. */
  readonly tellsHostsApart: boolean
  /** What rules read that spoe.conf does not send by itself: of a request, */
  readonly needs: RuleNeeds
  /** and of a connection. */
  readonly connectionNeeds: RuleNeeds
  /** Names of the limiters in use: `Limiters.retain` drops the others. */
  readonly limiterIds: readonly string[]
}

export interface RuleNeeds {
  /** Header fields, in small letters. */
  readonly headers: readonly string[]
  readonly connection: readonly ConnectionFact[]
  /** Other arguments that rules cannot do without: `src`, `query`, `tls`. */
  readonly others: readonly string[]
}
