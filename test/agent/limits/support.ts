import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { createLimiter, type Limiter, type LimitSettings } from '../../../agent/limits/limiter.ts'
import { parseRate } from '../../../agent/limits/rate.ts'

export function limiter(rate: string, rest: Omit<LimitSettings, 'rate'> = {}): Limiter {
  const parsed = parseRate(rate)
  if (typeof parsed === 'string') throw new Error(parsed)
  return createLimiter({ rate: parsed, ...rest })
}

/** How many of so many requests at one time are allowed. */
export function allowedOf(requests: number, of: Limiter, nowMs: number, key = 'k'): number {
  let allowed = 0
  for (let i = 0; i < requests; i++) if (of.take(key, nowMs).allowed) allowed++
  return allowed
}

/** Bytes that stay in use when short parts of 200 texts of 100 kB each are kept. */
export function heldBytes(keep: (part: string) => void): number {
  setFlagsFromString('--expose-gc')
  const gc = runInNewContext('gc') as () => void
  gc()
  const before = process.memoryUsage().heapUsed
  for (let i = 0; i < 200; i++) keep(Buffer.alloc(100_000, `${i} `).toString('latin1').slice(0, 40))
  gc()
  return process.memoryUsage().heapUsed - before
}
