import { createLimiter, type Limiter, type LimitSettings } from '../limits/limiter.ts'
import { Limiters } from '../limits/limiters.ts'
import type { LimitVerdict } from '../limits/meter.ts'

/** A limiter of an agent that has just started, at a time that the test says. */
class FreshLimiter implements Limiter {
  readonly #settings: LimitSettings
  readonly #clock: () => number
  #limiter: Limiter

  constructor(settings: LimitSettings, clock: () => number) {
    this.#settings = settings
    this.#clock = clock
    this.#limiter = createLimiter(settings)
  }

  get allowed(): number {
    return this.#limiter.allowed
  }

  get limited(): number {
    return this.#limiter.limited
  }

  get evicted(): number {
    return this.#limiter.evicted
  }

  get keys(): number {
    return this.#limiter.keys
  }

  take(key: string): LimitVerdict {
    return this.#limiter.take(key, this.#clock())
  }

  peek(key: string): LimitVerdict {
    return this.#limiter.peek(key, this.#clock())
  }

  forget(): void {
    if (this.#limiter.keys > 0) this.#limiter = createLimiter(this.#settings)
  }
}

/** Limiters that forget everything between two tests, so that no test depends on another. */
export class FreshLimiters extends Limiters {
  readonly #made: FreshLimiter[] = []
  readonly #clock: () => number

  /** @param clock milliseconds */
  constructor(clock: () => number) {
    super()
    this.#clock = clock
  }

  override get(_id: string, settings: LimitSettings): Limiter {
    const limiter = new FreshLimiter(settings, this.#clock)
    this.#made.push(limiter)
    return limiter
  }

  forget(): void {
    for (const limiter of this.#made) limiter.forget()
  }
}
