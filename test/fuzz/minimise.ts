import type { Played } from './cases.ts'

/** Attempts, so that a large case does not take for ever. */
const MAX_ATTEMPTS = 3_000

/**
 * A smaller stream that fails too: pieces are left out, large ones first, as long as that keeps it failing. Bytes
 * between frames go as well as whole frames, so what is left is close to the point.
 *
 * @param fails whether a stream still fails
 */
export async function minimise(
  { bytes, length, cuts }: Played,
  fails: (bytes: Buffer, cuts: readonly number[]) => Promise<boolean>,
): Promise<{ bytes: Buffer; cuts: readonly number[] }> {
  let best = Buffer.from(bytes.subarray(0, length))
  let attempts = 0
  const kept = (await fails(best, [])) ? [] : [...cuts]
  for (let size = Math.ceil(best.length / 2); size >= 1 && attempts < MAX_ATTEMPTS; size = Math.floor(size / 2)) {
    for (let at = 0; at < best.length && attempts < MAX_ATTEMPTS;) {
      const smaller = Buffer.concat([best.subarray(0, at), best.subarray(at + size)])
      attempts++
      if (await fails(smaller, kept)) best = smaller
      else at += size
    }
  }
  return { bytes: best, cuts: kept }
}
