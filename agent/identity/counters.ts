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
  /** Caches of verified tokens, by provider. */
  caches(): ReadonlyMap<string, CacheFigures>
  /** Their sums. */
  readonly cache: CacheFigures
}

/** What a cache of verified tokens has done since the start, and what it holds now. */
export interface CacheFigures extends Readonly<CacheCounters> {
  readonly entries: number
  readonly negativeEntries: number
  /** Estimated. */
  readonly bytes: number
  readonly evictions: number
}

/** Column of an outcome in {@link AuthCounters.results}; the last, internal_error, for what is none. */
export function outcomeColumn(outcome: 'ok' | DenyReason): number {
  return columnOf.get(outcome) ?? outcomes.length - 1
}

/** @param caches of all providers, asked at scrape */
export function createCounters(
  providers: readonly string[],
  caches: () => ReadonlyMap<string, TokenCache>,
): AuthCounters {
  const byProvider = (): ReadonlyMap<string, CacheFigures> =>
    new Map([...caches()].map(([provider, cache]) => [provider, figuresOf(cache)]))
  return {
    providers: ['', ...providers],
    outcomes,
    results: new Float64Array((providers.length + 1) * outcomes.length),
    caches: byProvider,
    get cache() {
      return [...byProvider().values()].reduce(sum, NOTHING)
    },
  }
}

function figuresOf(cache: TokenCache): CacheFigures {
  const { entries, negativeEntries, bytes, evictions } = cache
  return { ...cache.counters, entries, negativeEntries, bytes, evictions }
}

const NOTHING: CacheFigures = {
  hits: 0,
  negativeHits: 0,
  misses: 0,
  staleKeys: 0,
  expired: 0,
  flushes: 0,
  entries: 0,
  negativeEntries: 0,
  bytes: 0,
  evictions: 0,
}

function sum(one: CacheFigures, other: CacheFigures): CacheFigures {
  const names = Object.keys(NOTHING) as (keyof CacheFigures)[]
  return Object.fromEntries(names.map((name) => [name, one[name] + other[name]])) as unknown as CacheFigures
}
