import type { CacheCounters, TokenCache } from './token-cache.ts'
import { denyReasons, type DenyReason } from './reasons.ts'

/** Column of an authenticated request. */
export const OUTCOME_OK = 0

/** Columns of {@link AuthCounters.results}: `ok`, then every deny reason. */
export const outcomes: readonly ('ok' | DenyReason)[] = Object.freeze(['ok', ...denyReasons] as const)

const columnOf = new Map(outcomes.map((outcome, column) => [outcome, column]))

/** Counts since the start, read at scrape. */
export interface AuthCounters {
  /** Rows of `results`; the first, '', counts requests refused before a provider was known. */
  readonly providers: readonly string[]
  readonly outcomes: readonly ('ok' | DenyReason)[]
  /** `results[provider row * outcomes.length + outcome column]` */
  readonly results: Float64Array
  readonly cache: Readonly<CacheCounters> & Pick<TokenCache, 'entries' | 'negativeEntries' | 'bytes' | 'evictions'>
}

/** Column of an outcome in {@link AuthCounters.results}; the last, internal_error, for what is none. */
export function outcomeColumn(outcome: 'ok' | DenyReason): number {
  return columnOf.get(outcome) ?? outcomes.length - 1
}

export function createCounters(providers: readonly string[], cache: TokenCache): AuthCounters {
  const { counters } = cache
  return {
    providers: ['', ...providers],
    outcomes,
    results: new Float64Array((providers.length + 1) * outcomes.length),
    cache: {
      get hits() {
        return counters.hits
      },
      get negativeHits() {
        return counters.negativeHits
      },
      get misses() {
        return counters.misses
      },
      get staleKeys() {
        return counters.staleKeys
      },
      get expired() {
        return counters.expired
      },
      get flushes() {
        return counters.flushes
      },
      get entries() {
        return cache.entries
      },
      get negativeEntries() {
        return cache.negativeEntries
      },
      get bytes() {
        return cache.bytes
      },
      get evictions() {
        return cache.evictions
      },
    },
  }
}
