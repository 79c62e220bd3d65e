import { parseDuration } from '../config/duration.ts'

/** So many in so long a time. */
export interface Rate {
  /** 1 to {@link MAX_COUNT}. */
  readonly count: number
  /** Milliseconds, whole ones, 1 to {@link MAX_PERIOD_MS}. */
  readonly periodMs: number
}

/** With the longest period it stays below 2^53, so that limiters can count in whole numbers. */
export const MAX_COUNT = 1_000_000
export const MAX_PERIOD_MS = 30 * 86_400_000

const EXAMPLES = 'such as 100/1m, 5/1s or 10000/24h'

/**
 * Reads `100/1m`: a count, a slash and a duration.
 * @returns the rate, or what is wrong with the text
 */
export function parseRate(text: string): Rate | string {
  const [count = '', duration = '', ...rest] = text.split('/')
  if (/^[1-9]\d*$/.test(count) && /^(?:us|ms|s|m|h|d)$/.test(duration) && rest.length === 0) {
    return `"${text}" is no rate: write ${count}/1${duration}`
  }
  const periodMs = parseDuration(duration)
  if (!/^\d+$/.test(count) || periodMs === undefined || rest.length > 0) {
    return `"${text}" is no rate: expected a count, "/" and a duration, ${EXAMPLES}`
  }
  if (Number(count) < 1 || Number(count) > MAX_COUNT) return `"${text}" counts outside 1 to ${MAX_COUNT}`
  if (!Number.isInteger(periodMs) || periodMs < 1 || periodMs > MAX_PERIOD_MS) {
    return `"${text}" has a duration outside 1ms to 30d, or one that is no whole number of milliseconds`
  }
  return { count: Number(count), periodMs }
}
