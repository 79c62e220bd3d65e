import { type AuthCounters, OUTCOME_OK, outcomeColumn, outcomes } from './counters.ts'
import type { Evidence } from './evidence.ts'
import type { AuthResult, Identity } from './identity.ts'
import { denied, type DenyReason } from './reasons.ts'

/** What is asked of a proven caller at every request, whatever a cache remembers; undefined when nothing is wrong. */
export type RequestCheck = (identity: Identity, evidence: Evidence) => DenyReason | undefined

/**
 * The last word on a credential: a genuine one may still be revoked, or bound to a key that this request does not prove.
 * Those depend on the moment and on the request, so they come after every cache. Counts the outcome.
 */
export class Conclusion {
  readonly #counters: AuthCounters
  readonly #checks: readonly RequestCheck[]

  constructor(counters: AuthCounters, checks: readonly RequestCheck[]) {
    this.#counters = counters
    this.#checks = checks
  }

  /** First slot of a provider's row in the counters; that of '' for a name nobody has. */
  rowOf(provider: string): number {
    return Math.max(0, this.#counters.providers.indexOf(provider)) * outcomes.length
  }

  /** @param row from {@link rowOf}; 0 when no provider is known yet */
  of(row: number, result: AuthResult, evidence: Evidence): AuthResult {
    let final = result
    if (result.ok) {
      for (const check of this.#checks) {
        const reason = check(result.identity, evidence)
        if (reason === undefined) continue
        final = denied(reason)
        break
      }
    }
    const slot = row + (final.ok ? OUTCOME_OK : outcomeColumn(final.reason))
    this.#counters.results[slot] = (this.#counters.results[slot] ?? 0) + 1
    return final
  }
}
