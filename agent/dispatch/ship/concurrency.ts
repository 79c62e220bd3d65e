import type { ActionKind } from '../command.ts'

/** Calls in flight: at first, and always at least and at most. */
export const CONCURRENCY = { start: 32, min: 4, max: 256 } as const

/** Answers and milliseconds that a judgement rests on, at least. */
const WINDOW_ANSWERS = 10
const WINDOW_MS = 100
/**
 * How much slower calls may be than with half as many beside them. 2 would mean that half as many get as much done; at 1.7
 * the second half still brings a sixth, which few servers lack the strength for, and many gain by working in batches.
 */
const TOLERANCE = 1.7
/** Calls that are added in each window in which they were all in use. */
const GROWTH = 2
/**
 * Milliseconds below which latency is not looked at: it is the agent's own work as much as the server's, and a server
 * that answers so fast is not in need of mercy.
 */
const FLOOR_MS = 10
/** What a refusal, or attempts without answer, leave of the limit. */
const CUT = 0.7
/** Share of attempts without answer beyond which the server counts as overwhelmed; single workflows may be stuck. */
const LOST = 0.1
/** Milliseconds after which the latency of few calls is measured again. */
const DIP_MS = 10_000

/** Latencies of one kind of call: a batch takes longer than a start. */
interface Series {
  count: number
  sum: number
  /** Milliseconds that a call takes with few in flight. */
  light: number
  /** Whether `light` was measured so, or is a guess. */
  seen: boolean
}

/**
 * How many calls may be in flight. Up to some number each call more brings more throughput; beyond it they only wait for
 * each other, in the server or on the way, and each is slower by as much as there are more. That knee is at 4 for an
 * SQLite on a laptop and in the hundreds for a cluster on another continent, and it moves.
 *
 * So the limit follows the latency (a gradient, as in Netflix's concurrency-limits): it grows while calls take hardly
 * longer than with half as many in flight, and shrinks by as much as they take longer. What they take then must be known:
 * it is measured whenever the load is light, and otherwise every ten seconds by one short dip to half of the limit.
 * Without it the limit creeps up, as a crowd becomes what is usual. Refusals for too many calls at once, and attempts
 * without answer, cut it outright. Times are milliseconds of the monotonic clock.
 */
export class ConcurrencyLimit {
  #limit: number = CONCURRENCY.start
  readonly #series = new Map<ActionKind, Series>()
  #since = 0
  #answers = 0
  #lost = 0
  /** Calls in flight at most, in this window. */
  #most = 0
  /** When a dip began, and when it had its effect. */
  #dip: 'none' | 'falling' | 'down' = 'none'
  #lightAt = -Infinity
  #cutAt = -Infinity
  /** After a refusal the limit grows by one at a time: the next one is near. */
  #careful = false

  /** Calls that may be in flight now. */
  get current(): number {
    const limit = this.#dip === 'none' ? this.#limit : this.#limit / 2
    return Math.max(CONCURRENCY.min, Math.floor(limit))
  }

  /** A call that began at `startedAt` was answered, as one of `inFlight`. */
  answered(kind: ActionKind, startedAt: number, now: number, inFlight: number): void {
    this.#most = Math.max(this.#most, inFlight)
    if (this.#dip === 'falling' && inFlight <= this.current) {
      this.#dip = 'down'
      this.#begin(now)
    }
    // What began before the dip is slow because of what was before it.
    if (this.#dip === 'falling' || (this.#dip === 'down' && startedAt < this.#since)) return
    const series = this.#series.get(kind) ?? this.#open(kind)
    series.count++
    series.sum += now - startedAt
    this.#answers++
    this.#judge(now)
  }

  /** A call got no answer in time. */
  lost(now: number): void {
    this.#lost++
    this.#judge(now)
  }

  /** A call that began at `startedAt` was refused because there were too many at once. */
  refused(startedAt: number, now: number): void {
    // Calls that went before the last cut say nothing new.
    if (startedAt < this.#cutAt) return
    this.#careful = true
    this.#cut(now)
  }

  #judge(now: number): void {
    const enough = Math.max(WINDOW_ANSWERS, this.current)
    if (this.#answers + this.#lost < enough || now - this.#since < WINDOW_MS) return
    if (this.#lost > LOST * (this.#answers + this.#lost)) {
      this.#cut(now)
      return
    }
    // At its lowest the limit cannot show what fewer calls would take.
    const isLight = this.#dip === 'down' || this.#most <= this.#limit / 2 || this.current === CONCURRENCY.min
    const slowdown = this.#learn(isLight)
    if (isLight) {
      this.#lightAt = now
      this.#careful = false
    }
    if (this.#dip === 'none' && this.#most > this.#limit / 2) this.#adapt(slowdown)
    this.#dip = now - this.#lightAt >= DIP_MS ? 'falling' : 'none'
    this.#begin(now)
  }

  #adapt(slowdown: number): void {
    const gradient = Math.min(1, Math.max(0.5, TOLERANCE / slowdown))
    const growth = this.#careful ? 1 : GROWTH
    const isUsed = this.#most >= this.current
    this.#set(this.#limit * gradient + (isUsed ? growth : 0))
  }

  /** Learns what calls take with few in flight. Returns how many times longer they took in this window. */
  #learn(isLight: boolean): number {
    let took = 0
    let wouldTake = 0
    for (const series of this.#series.values()) {
      if (series.count === 0) continue
      const mean = series.sum / series.count
      if (!series.seen) series.light = mean
      else if (isLight || mean < series.light) series.light += (mean - series.light) / 2
      series.seen ||= isLight
      took += series.sum
      wouldTake += series.count * Math.max(FLOOR_MS, series.light)
    }
    return took / wouldTake
  }

  #cut(now: number): void {
    this.#cutAt = now
    this.#set(this.#limit * CUT)
    this.#dip = 'none'
    this.#begin(now)
  }

  #set(limit: number): void {
    this.#limit = Math.min(CONCURRENCY.max, Math.max(CONCURRENCY.min, limit))
  }

  #begin(now: number): void {
    this.#since = now
    this.#answers = 0
    this.#lost = 0
    this.#most = 0
    for (const series of this.#series.values()) {
      series.count = 0
      series.sum = 0
    }
  }

  #open(kind: ActionKind): Series {
    const series = { count: 0, sum: 0, light: 0, seen: false }
    this.#series.set(kind, series)
    return series
  }
}
