/** Work that goes on after each `yield`: what lies between two of them holds its thread for some milliseconds at most. */
export type Steps<T> = Generator<void, T, void>

/** Does the work to its end. Between two steps the thread does whatever else waits. */
export async function inSteps<T>(steps: Steps<T>): Promise<T> {
  for (;;) {
    const { done, value } = steps.next()
    if (done === true) return value
    await new Promise((resolve) => setImmediate(resolve))
  }
}
