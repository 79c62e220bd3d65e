import type { Limiter } from '../limits/limiter.ts'
import { Limiters } from '../limits/limiters.ts'

const OPEN = { allowed: true, retryAfterS: 0, remaining: 0 }

const unlimited: Limiter = {
  allowed: 0,
  limited: 0,
  evicted: 0,
  keys: 0,
  take: () => OPEN,
  peek: () => OPEN,
}

/** Limiters that let everything pass: an hour of traffic that is replayed in a second would exceed every rate. */
export class NoLimits extends Limiters {
  override get(): Limiter {
    return unlimited
  }
}
