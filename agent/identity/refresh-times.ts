/** Bounds of fetching and keeping keys. */
export interface KeyLimits {
  /** Milliseconds for one whole answer. */
  readonly timeoutMs: number
  /** Bytes of a discovery document or JWK Set. */
  readonly maxBodyBytes: number
  readonly maxKeys: number
  /** Milliseconds: no refresh comes sooner or later than these, whatever Cache-Control says. */
  readonly minRefreshMs: number
  readonly maxRefreshMs: number
  /** Milliseconds, where the answer has no max-age. */
  readonly defaultRefreshMs: number
  /** Milliseconds past the refresh time for which the last good set still serves. */
  readonly maxStaleMs: number
  /** Milliseconds between two fetches caused by unknown kids, whoever sent them. */
  readonly unknownKidCooldownMs: number
  /** Milliseconds: first pause after a failure, doubled each time up to the second. */
  readonly minBackoffMs: number
  readonly maxBackoffMs: number
}

/** Milliseconds: no setting lets keys serve longer past their refresh time than this. */
export const MAX_STALE_CEILING_MS = 86_400_000

export const keyLimits: KeyLimits = Object.freeze({
  timeoutMs: 3_000,
  maxBodyBytes: 256 * 1024,
  maxKeys: 100,
  minRefreshMs: 60_000,
  maxRefreshMs: 3_600_000,
  defaultRefreshMs: 600_000,
  maxStaleMs: 3_600_000,
  unknownKidCooldownMs: 30_000,
  minBackoffMs: 1_000,
  maxBackoffMs: 60_000,
})

/**
 * Milliseconds for which an answer is fresh (RFC 9111 section 5.2.2), within our bounds.
 * @param ageS seconds of it that are already over, spent in caches on the way
 */
export function freshForMs(cacheControl: string | undefined, limits: KeyLimits, ageS = 0): number {
  let fresh = limits.defaultRefreshMs
  for (const directive of (cacheControl ?? '').toLowerCase().split(',')) {
    const [name = '', value = ''] = directive.trim().split('=', 2)
    if (name === 'no-store' || name === 'no-cache') return limits.minRefreshMs
    if (name === 'max-age' && /^"?\d{1,12}"?$/.test(value)) fresh = (Number(value.replaceAll('"', '')) - ageS) * 1000
  }
  return Math.min(Math.max(fresh, limits.minRefreshMs), limits.maxRefreshMs)
}

/** Milliseconds until an answer is fetched anew: before it is over, and not by all of a fleet at once. */
export function refreshPauseMs(freshMs: number, random: number): number {
  return freshMs * (0.8 + random * 0.2)
}

/** Milliseconds until the next attempt after `failures` in a row; jitter keeps a fleet from returning as one. */
export function backoffMs(failures: number, limits: KeyLimits, random: number): number {
  const pause = Math.min(limits.minBackoffMs * 2 ** Math.min(failures - 1, 30), limits.maxBackoffMs)
  return pause * (0.5 + random / 2)
}

/**
 * Milliseconds until the next attempt where the peer asked to be left alone for a while: longer than our own pause, if it
 * says so, but never longer than our longest. A peer must not be able to keep us away.
 */
export function politePauseMs(pauseMs: number, retryAfterMs: number | undefined, limits: KeyLimits): number {
  return Math.max(pauseMs, Math.min(retryAfterMs ?? 0, limits.maxBackoffMs))
}
