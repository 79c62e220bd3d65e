/**
 * Milliseconds to wait after the given number of failed attempts: doubles from `base` to `cap`; half of it is random,
 * so that calls which failed together do not come back together.
 */
export function backoff(attempts: number, base: number, cap: number, random: () => number = Math.random): number {
  const full = Math.min(cap, base * 2 ** Math.min(attempts - 1, 30))
  return full / 2 + (full / 2) * random()
}
