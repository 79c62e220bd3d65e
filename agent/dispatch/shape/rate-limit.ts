import { createLimiter, type Limiter } from '../../limits/limiter.ts'
import type { Pace, WorkflowAction } from '../command.ts'
import { partOfKey } from './keys.ts'

/** Keys that each rule remembers; one that has been idle for longest begins anew when there are more. */
const MAX_KEYS = 100_000

interface RuleLimit {
  readonly pace: Pace
  readonly limiter: Limiter
}

/**
 * Which events are within the rate of their rule and key: so many at once, then evenly. A rule whose rate is changed
 * begins anew.
 */
export class RateLimits {
  readonly #rules = new Map<string, RuleLimit>()
  readonly #maxKeys: number

  constructor(maxKeys = MAX_KEYS) {
    this.#maxKeys = maxKeys
  }

  /**
   * Counts an event that is within the rate, and tells whether it is.
   *
   * @param key the `shapeKey` of its call, or its workflow id
   * @param nowMs milliseconds of a monotonic clock
   */
  take(action: WorkflowAction, key: string, nowMs: number): boolean {
    const { rule, rateLimit } = action
    if (rateLimit === undefined) return true
    return this.#limiter(rule, rateLimit).take(partOfKey(action, key, 'rateLimit'), nowMs).allowed
  }

  #limiter(rule: string, pace: Pace): Limiter {
    const known = this.#rules.get(rule)
    if (known !== undefined && known.pace.count === pace.count && known.pace.perMs === pace.perMs) return known.limiter
    const { count, perMs } = pace
    const limiter = createLimiter({ rate: { count, periodMs: perMs }, maxKeys: this.#maxKeys })
    this.#rules.set(rule, { pace, limiter })
    return limiter
  }
}
