import { setTimeout as sleep } from 'node:timers/promises'

/** First and longest pause between two attempts, in milliseconds. */
export const BACKOFF = { first: 250, longest: 15_000 } as const

/**
 * Pause before the next attempt, in milliseconds: doubles with every failure, and is spread over its upper half so that
 * many workers do not come back to a restarted server in step.
 *
 * @param failures attempts that failed in a row, 1 or more
 */
export function backoff(failures: number, random: () => number = Math.random): number {
  const full = Math.min(BACKOFF.longest, BACKOFF.first * 2 ** (failures - 1))
  return full / 2 + (full / 2) * random()
}

/** Waits; ends early, without an error, when the signal aborts. */
export async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(milliseconds, undefined, { signal })
  } catch (error) {
    if (!signal.aborted) throw error
  }
}
