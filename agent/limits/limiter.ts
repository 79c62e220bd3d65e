import { KeySlots, NOBODY } from './key-slots.ts'
import type { LimitVerdict, Meter, VerdictSlot } from './meter.ts'
import type { Rate } from './rate.ts'
import { SlidingWindows } from './sliding-window.ts'
import { SteadyTime } from './steady-time.ts'
import { TokenBuckets } from './token-bucket.ts'

export const ALGORITHMS = ['token-bucket', 'sliding-window'] as const
export const DEFAULT_MAX_KEYS = 100_000

export interface LimitSettings {
  readonly rate: Rate
  /** Requests at once, for token buckets; default the count of the rate. */
  readonly burst?: number | undefined
  /** Default: token-bucket. */
  readonly algorithm?: (typeof ALGORITHMS)[number] | undefined
  /** Keys that are remembered; default {@link DEFAULT_MAX_KEYS}. A key takes about 150 bytes and its characters. */
  readonly maxKeys?: number | undefined
}

/** Since the start, but `keys`. */
export interface LimitCounters {
  readonly allowed: number
  readonly limited: number
  /**
   * Keys that were forgotten, for want of room, while they still had something on their account. Each begins anew when
   * it comes again, so callers who can choose among more keys than `maxKeys` get around the limit: whoever sees this
   * grow raises `maxKeys`, or takes a key that callers cannot choose.
   */
  readonly evicted: number
  /** Remembered now. */
  readonly keys: number
}

export interface Limiter extends LimitCounters {
  /**
   * Judges a request and counts it if it is allowed. Makes no garbage for a known key of up to 128 characters.
   * @param key whose account it goes on; any text, the empty one too
   * @param nowMs milliseconds of a monotonic clock: `performance.now()`
   * @returns one object for all calls: read it before the next one
   */
  take(key: string, nowMs: number): LimitVerdict
  /**
   * The same, but nothing is counted and no key remembered. A request with several limits asks all of them first: then
   * it takes from all, or from the one that refuses, for its counters, and no account pays for what was refused.
   * `remaining` is what would remain after the request.
   */
  peek(key: string, nowMs: number): LimitVerdict
}

/** Limits by key, in bounded memory: when it is full, the key that has not been used for longest is forgotten. */
export function createLimiter({ rate, burst, algorithm, maxKeys }: LimitSettings): Limiter {
  const meter = algorithm === 'sliding-window' ? new SlidingWindows(rate) : new TokenBuckets(rate, burst ?? rate.count)
  return new KeyedLimiter(meter, maxKeys ?? DEFAULT_MAX_KEYS)
}

class KeyedLimiter implements Limiter {
  allowed = 0
  limited = 0
  evicted = 0
  readonly #meter: Meter
  readonly #slots: KeySlots
  readonly #time = new SteadyTime()
  readonly #verdict: VerdictSlot = { allowed: false, retryAfterS: 0, remaining: 0 }
  #room = 0

  constructor(meter: Meter, maxKeys: number) {
    this.#meter = meter
    this.#slots = new KeySlots(maxKeys)
    this.#resize()
  }

  get keys(): number {
    return this.#slots.size
  }

  take(key: string, nowMs: number): LimitVerdict {
    const time = this.#time.at(nowMs)
    let slot = this.#slots.find(key)
    if (slot === NOBODY) slot = this.#claim(key, time)
    else this.#slots.touch(slot)
    this.#meter.judge(slot, time, true, this.#verdict)
    if (this.#verdict.allowed) this.allowed++
    else this.limited++
    return this.#verdict
  }

  peek(key: string, nowMs: number): LimitVerdict {
    this.#meter.judge(this.#slots.find(key), this.#time.at(nowMs), false, this.#verdict)
    return this.#verdict
  }

  #claim(key: string, time: number): number {
    if (this.#slots.isFull && !this.#meter.isIdle(this.#slots.oldest, time)) this.evicted++
    const slot = this.#slots.claim(key)
    this.#resize()
    this.#meter.clear(slot)
    return slot
  }

  #resize(): void {
    if (this.#slots.capacity === this.#room) return
    this.#room = this.#slots.capacity
    this.#meter.resize(this.#room)
  }
}
