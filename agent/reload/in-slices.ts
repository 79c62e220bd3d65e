import { setImmediate as nextTurn } from 'node:timers/promises'

/** Milliseconds of work before requests get their turn. */
const SLICE_MS = 2

/** Runs steps to the end, in slices between which everything else may run. */
export async function inSlices<T>(steps: Generator<void, T, void>): Promise<T> {
  for (let until = performance.now() + SLICE_MS; ;) {
    const step = steps.next()
    if (step.done === true) return step.value
    if (performance.now() < until) continue
    await nextTurn()
    until = performance.now() + SLICE_MS
  }
}
