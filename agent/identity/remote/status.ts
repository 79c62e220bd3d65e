import type { ProviderStatus } from '../keys.ts'
import type { RemoteCache, RemoteFigures } from './cache.ts'

/** State of a provider that asks somebody about each credential, for /status, metrics and `doctor`. It keeps no keys. */
export interface RemoteStatus extends ProviderStatus {
  /** Whom it asks, by the configuration. */
  readonly endpoint: string
  /** Whether it is left alone for a while. */
  readonly paused: boolean
  /** What `failOpen` asks. */
  readonly away: boolean
  readonly cache: RemoteFigures
}

/** Whether a provider asks somebody about each credential. */
export function isRemote(status: ProviderStatus): status is RemoteStatus {
  return 'cache' in status
}

export interface RemoteStatusParts {
  readonly provider: string
  readonly endpoint: string
  readonly away: boolean
  /** Of our own, such as a file that cannot be read; it counts before what the peers did. */
  readonly error?: string | undefined
}

/** @param caches one for each peer that the provider asks; at least those that were asked */
export function remoteStatus(parts: RemoteStatusParts, caches: readonly RemoteCache<unknown>[]): RemoteStatus {
  const { provider, endpoint, away } = parts
  const ages = caches.map((cache) => cache.answeredSecondsAgo).filter((age) => age !== null)
  const paused = caches.some(({ isPaused }) => isPaused)
  const lastError = parts.error ?? caches.find((cache) => cache.lastError !== undefined)?.lastError
  const cache = sumOf(caches.map(({ figures }) => figures))
  return {
    provider,
    endpoint,
    ageS: ages.length === 0 ? null : Math.min(...ages),
    stale: paused,
    ...(lastError !== undefined && { lastError }),
    fetches: { ok: cache.ok, failed: cache.failed },
    paused,
    away,
    cache,
  }
}

const NOTHING: RemoteFigures = Object.freeze({
  hits: 0,
  negativeHits: 0,
  misses: 0,
  stale: 0,
  ok: 0,
  failed: 0,
  overload: 0,
  entries: 0,
  negativeEntries: 0,
  bytes: 0,
  evictions: 0,
  pending: 0,
})

function sumOf(all: readonly RemoteFigures[]): RemoteFigures {
  const sum: { -readonly [K in keyof RemoteFigures]: number } = { ...NOTHING }
  for (const name of Object.keys(NOTHING) as (keyof RemoteFigures)[]) {
    for (const figures of all) sum[name] += figures[name]
  }
  return sum
}
