import type { Log } from '../identity/log.ts'
import type { LineFile } from './line-file.ts'

/** Records made into lines before requests get their turn, and written at once: about a millisecond. */
const BATCH = 100
/** Milliseconds until the next attempt after a failure, doubled each time up to the second. */
const MIN_PAUSE_MS = 100
const MAX_PAUSE_MS = 5000

export interface WriterStatus {
  /** Records that wait. */
  readonly queued: number
  readonly written: number
  /** Records that will never be written. */
  readonly dropped: number
  /** Writes that failed; each is tried again. */
  readonly errors: number
  /** Why the latest write failed; absent after a success. */
  readonly lastError?: string
}

export interface WriterOptions<R> {
  readonly out: LineFile
  /** One line, without its end. */
  readonly format: (record: R) => string
  /** Records that may wait; more are dropped and counted. */
  readonly maxQueue: number
  readonly log: Log
}

/**
 * Writes records behind the back of requests: taking one is a push, formatting happens in batches on later turns, and
 * there is one write at a time. When the disk is slower than the requests the queue fills, and when it is full records are
 * dropped and counted: an audit stream must not take the front door down with it.
 */
export class BatchWriter<R> {
  readonly #options: WriterOptions<R>
  #queue: R[] = []
  #written = 0
  #dropped = 0
  #errors = 0
  /** Records in the bytes that a failed write has left over. */
  #unfinished = 0
  #lastError: string | undefined
  #working: Promise<void> | undefined
  #failures = 0
  #closed = false
  #wake: (() => void) | undefined

  constructor(options: WriterOptions<R>) {
    this.#options = options
  }

  /** Takes a record, or counts it as dropped. Never throws. */
  push(record: R): void {
    if (this.#closed || this.#queue.length >= this.#options.maxQueue) {
      this.#dropped++
      return
    }
    this.#queue.push(record)
    this.#working ??= this.#work()
  }

  status(): WriterStatus {
    return {
      queued: this.#queue.length + this.#unfinished,
      written: this.#written,
      dropped: this.#dropped,
      errors: this.#errors,
      ...(this.#lastError === undefined ? {} : { lastError: this.#lastError }),
    }
  }

  /** Writes what waits, if it can be written within `graceMs`; the rest is dropped and counted. Never rejects. */
  async close(graceMs: number): Promise<void> {
    this.#closed = true
    this.#wake?.()
    if (this.#working !== undefined) {
      const { promise, resolve } = Promise.withResolvers<void>()
      const timer = setTimeout(resolve, graceMs)
      await Promise.race([this.#working, promise])
      clearTimeout(timer)
    }
    this.#dropped += this.#queue.length + this.#unfinished
    this.#queue = []
    this.#unfinished = 0
    // While a write hangs its descriptor is in use; it goes with the process.
    if (this.#working === undefined) await this.#options.out.close().catch((error: unknown) => this.#failed(error))
  }

  async #work(): Promise<void> {
    await turn()
    while (this.#queue.length > 0 || this.#unfinished > 0) {
      if (await this.#writeSome()) continue
      // Closing, one more attempt is all there is time for.
      if (this.#closed) break
      await this.#pause(Math.min(MIN_PAUSE_MS * 2 ** (this.#failures - 1), MAX_PAUSE_MS))
    }
    this.#working = undefined
  }

  /** @returns false after a failure */
  async #writeSome(): Promise<boolean> {
    const { out, log } = this.#options
    try {
      if (this.#unfinished > 0) {
        await out.flush()
      } else {
        const lines = this.#take()
        await out.append(lines)
      }
      this.#written += this.#unfinished
      this.#unfinished = 0
      this.#failures = 0
      if (this.#lastError !== undefined) log.info({}, 'audit records are written again')
      this.#lastError = undefined
      return true
    } catch (error) {
      this.#failed(error)
      await out.close().catch((failure: unknown) => this.#failed(failure))
      return false
    }
  }

  #take(): string {
    const batch = this.#queue.splice(0, BATCH)
    let lines = ''
    for (const record of batch) {
      try {
        lines += `${this.#options.format(record)}\n`
        this.#unfinished++
      } catch (error) {
        // A defect; the others of the batch must not be lost with it.
        this.#dropped++
        this.#failed(error)
      }
    }
    return lines
  }

  #failed(error: unknown): void {
    const reason = `cannot be written (${(error as NodeJS.ErrnoException).code ?? (error as Error).name})`
    this.#errors++
    this.#failures++
    if (reason !== this.#lastError) this.#options.log.error({ error: reason }, 'audit records are not written')
    this.#lastError = reason
  }

  async #pause(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, ms)
    timer.unref()
    this.#wake = resolve
    await promise
    clearTimeout(timer)
    this.#wake = undefined
  }
}

/** The next turn of the event loop, after what came in on this one. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
