/** Between two beats, milliseconds: often enough to notice a stall of one deadline, seldom enough to cost nothing. */
const MIN_BEAT_MS = 5
const MAX_BEAT_MS = 1_000

/**
 * Knows whether what is read now may have waited for longer than the deadline: after the process was stopped, starved
 * or blocked, the kernel's buffers hold NOTIFYs whose requests HAProxy has refused since. To call a handler for those
 * would let something happen for a request that the client knows as failed.
 */
export class StallClock {
  readonly #deadlineMs: number
  readonly #beatMs: number
  #timer: NodeJS.Timeout | undefined = undefined
  #lastBeat = 0
  /** A stall has just ended, and the buffers are not read empty yet. */
  #clearing = false

  constructor(deadlineMs: number) {
    this.#deadlineMs = deadlineMs
    this.#beatMs = Math.min(Math.max(deadlineMs / 2, MIN_BEAT_MS), MAX_BEAT_MS)
  }

  /** Beats while there are connections; never keeps the process alive. */
  start(): void {
    if (this.#timer !== undefined) return
    this.#lastBeat = performance.now()
    this.#timer = setInterval(() => this.#beat(), this.#beatMs).unref()
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  /** Whether bytes that are read at `now` may have lain there for longer than the deadline. */
  isLate(now: number): boolean {
    return this.#clearing || now - this.#lastBeat > this.#beatMs + this.#deadlineMs
  }

  #beat(): void {
    const now = performance.now()
    const stalled = this.isLate(now)
    this.#lastBeat = now
    if (!stalled || this.#clearing) return
    this.#clearing = true
    // One turn reads what had arrived; the second is for sockets that held more than one read takes.
    setImmediate(() => setImmediate(() => (this.#clearing = false)))
  }
}
