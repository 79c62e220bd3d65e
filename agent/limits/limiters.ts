import { createLimiter, DEFAULT_MAX_KEYS, type Limiter, type LimitCounters, type LimitSettings } from './limiter.ts'

/** A limiter and the settings it was made with. */
interface Known {
  readonly fingerprint: string
  readonly limiter: Limiter
}

/**
 * The limiters of a process. They outlive the configuration that asked for them: whoever reloads it gets those back whose
 * settings are the same, with all they have counted, or a reload would let every caller begin anew.
 *
 * A reload that fails half-way changes nothing: what was asked for last is kept beside the one in use until
 * {@link retain} says which configuration holds.
 */
export class Limiters {
  /** By id, the one that was asked for last at the end. */
  readonly #known = new Map<string, Known[]>()
  /** Those of the configuration that holds, by id. */
  #inForce: ReadonlyMap<string, Limiter> = new Map()

  /**
   * The limiter of this id and these settings, made if there is none.
   * @param id name of the rule, and whatever else tells what its keys mean
   */
  get(id: string, settings: LimitSettings): Limiter {
    const fingerprint = fingerprintOf(settings)
    const known = this.#known.get(id) ?? []
    const found = known.find((one) => one.fingerprint === fingerprint)
    const limiter = found?.limiter ?? createLimiter(settings)
    this.#known.set(id, [...known.filter((one) => one !== found), { fingerprint, limiter }])
    return limiter
  }

  /** Drops the limiters of all other ids, and of these all but the ones that were asked for last. */
  retain(ids: Iterable<string>): void {
    const kept = new Set(ids)
    const inForce = new Map<string, Limiter>()
    for (const [id, known] of this.#known) {
      const last = known.at(-1)
      if (kept.has(id) && last !== undefined) {
        this.#known.set(id, [last])
        inForce.set(id, last.limiter)
      } else this.#known.delete(id)
    }
    this.#inForce = inForce
  }

  /** What each id in force has counted, for metrics. */
  *counters(): Generator<readonly [id: string, counters: LimitCounters]> {
    for (const entry of this.#inForce) yield entry
  }
}

/** Equal for settings that mean the same. */
function fingerprintOf({ rate, burst, algorithm, maxKeys }: LimitSettings): string {
  return JSON.stringify([
    rate.count,
    rate.periodMs,
    algorithm === 'sliding-window' ? algorithm : (burst ?? rate.count),
    maxKeys ?? DEFAULT_MAX_KEYS,
  ])
}
