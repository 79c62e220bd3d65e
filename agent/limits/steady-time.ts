/**
 * Time for counting, in whole milliseconds: it never goes back. When the clock it is fed with does, it stands still for
 * that moment and goes on from there, so that a step back neither opens nor closes anything. A step forward cannot be
 * told from a quiet time; limits are what they are after a quiet time then, and no more.
 */
export class SteadyTime {
  #last = Number.NEGATIVE_INFINITY
  #time = 0

  /** @param nowMs milliseconds of a monotonic clock, `performance.now()`; fractions are dropped */
  at(nowMs: number): number {
    const now = Math.floor(nowMs)
    // No number at all is no reason to move either.
    if (!Number.isFinite(now)) return this.#time
    if (now > this.#last && this.#last !== Number.NEGATIVE_INFINITY) this.#time += now - this.#last
    this.#last = now
    return this.#time
  }
}
