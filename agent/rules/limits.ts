import type { Facts } from './cel.ts'
import type { CompiledLimit } from './rule.ts'

/** What the limits of a rule say: allowed with so many left, or refused for so many seconds. */
export type LimitOutcome = { readonly remaining: number } | { readonly retryAfterS: number }

/**
 * Takes a request from all limits of a rule, or from none: who is over one limit must not drain the others. Those that
 * refuse count that they did; the longest wait is told.
 * @throws {Error} when a key cannot be told: nobody gets round a limit by a claim that he leaves out
 */
export function takeFrom(limits: readonly CompiledLimit[], facts: Facts): LimitOutcome {
  const nowMs = performance.now()
  const keys = limits.map(({ key }) => keyOf(key.evaluate(facts)))
  let retryAfterS = 0
  for (const [i, { limiter }] of limits.entries()) {
    const key = keys[i] ?? ''
    if (limiter.peek(key, nowMs).allowed) continue
    retryAfterS = Math.max(retryAfterS, limiter.take(key, nowMs).retryAfterS)
  }
  if (retryAfterS > 0) return { retryAfterS }
  let remaining = Number.POSITIVE_INFINITY
  for (const [i, { limiter }] of limits.entries()) {
    remaining = Math.min(remaining, limiter.take(keys[i] ?? '', nowMs).remaining)
  }
  return { remaining }
}

function keyOf(value: unknown): string {
  if (typeof value !== 'string') throw new TypeError('the key of a limit is no text')
  return value
}
