import { Worker } from 'node:worker_threads'
import type { Command } from './command.ts'
import { GLOBAL, SLOT, type Counters } from './counters.ts'
import { DispatchError, messageOf } from './errors.ts'
import type { FromThread, Log, TemporalState, ThreadOptions, ToThread } from './protocol.ts'

/** Milliseconds until a thread that died is started again. */
const RESTART_MS = 1_000
/** Milliseconds that a draining thread may take beyond its time, to close its files, before it is ended. */
const CLOSE_MS = 5_000

export interface ThreadHandleParts {
  readonly options: ThreadOptions
  readonly counters: Counters
  readonly log: Log
  /** Commands that the hot side has accepted and not posted: they survive the thread. */
  readonly buffered: () => readonly Command[]
  /** Told each time the thread is up, so that what waited can be posted. */
  readonly ready: () => void
  readonly entry?: URL
}

/** Starts the thread, forwards what it says, and starts it again when it dies: the agent decides on meanwhile. */
export class ThreadHandle {
  readonly #parts: ThreadHandleParts
  #worker: Worker | undefined
  #running = false
  #stopping = false
  #restart: NodeJS.Timeout | undefined
  #drain: Promise<void> | undefined
  #drained: (() => void) | undefined
  temporal: TemporalState = 'unknown'
  lastError: string | undefined

  constructor(parts: ThreadHandleParts) {
    this.#parts = parts
  }

  /** Whether messages may be posted. */
  get running(): boolean {
    return this.#running
  }

  post(message: ToThread): void {
    this.#worker?.postMessage(message)
  }

  /** @throws DispatchError DISPATCH_THREAD_FAILED when the thread dies before it is ready */
  start(): Promise<void> {
    return new Promise((resolve, reject) => {
      let failure: unknown
      const worker = new Worker(this.#parts.entry ?? threadFile(), {
        workerData: this.#parts.options,
        name: 'dispatch',
      })
      this.#worker = worker
      worker.on('error', (error) => (failure = error))
      worker.on('message', (message: FromThread) => {
        if (message.type === 'ready') {
          this.#running = true
          this.#parts.ready()
          resolve()
        } else this.#receive(message)
      })
      worker.once('exit', (code) => {
        if (this.#running) this.#died(failure, code)
        else
          reject(
            new DispatchError(
              'DISPATCH_THREAD_FAILED',
              failure === undefined ? `exit ${code}` : messageOf(failure),
              failure,
            ),
          )
      })
    })
  }

  /** Resolves when the thread has ended, at the latest some seconds after `timeoutMs`. Later calls get the same promise. */
  drain(timeoutMs: number): Promise<void> {
    return (this.#drain ??= this.#drainOnce(timeoutMs))
  }

  async #drainOnce(timeoutMs: number): Promise<void> {
    this.#stopping = true
    clearTimeout(this.#restart)
    if (this.#running) {
      const ended = new Promise<void>((resolve) => (this.#drained = resolve))
      this.post({ type: 'drain', timeoutMs })
      const late = setTimeout(() => {
        this.#parts.log.error({}, 'the dispatcher thread did not stop in time and was ended')
        this.#drained?.()
      }, timeoutMs + CLOSE_MS)
      await ended
      clearTimeout(late)
    }
    this.#running = false
    await this.#worker?.terminate()
    const lost = this.#writeOff()
    if (lost > 0)
      this.#parts.log.error({ events: lost }, 'stopped without a dispatcher thread: events in memory are lost')
  }

  #receive(message: FromThread): void {
    if (message.type === 'log') this.#parts.log[message.level](message.fields, message.message)
    else if (message.type === 'drained') this.#drained?.()
    else if (message.type === 'state') {
      this.temporal = message.temporal
      this.lastError = message.lastError
    }
  }

  #died(failure: unknown, code: number): void {
    this.#running = false
    this.#drained?.()
    if (this.#stopping) return
    const lost = this.#writeOff()
    const err = failure === undefined ? `exit ${code}` : messageOf(failure)
    this.#parts.log.error(
      { err, lost },
      'the dispatcher thread died: starting it again, events in the outbox are delivered',
    )
    this.#restartLater()
  }

  #restartLater(): void {
    this.#restart = setTimeout(() => {
      this.start().catch((error: unknown) => {
        this.#parts.log.error({ err: messageOf(error) }, 'the dispatcher thread could not be started again: trying on')
        if (!this.#stopping) this.#restartLater()
      })
    }, RESTART_MS)
  }

  /**
   * Settles the books of a thread that is gone; only then may its slots be written here. What was in memory is shed.
   * Rows of the outbox are taken out, because the next thread counts them as recovered.
   */
  #writeOff(): number {
    const { counters, buffered } = this.#parts
    const waiting = new Map<number, number>()
    const keep = this.#stopping ? [] : buffered()
    for (const { rule } of keep) waiting.set(counters.row(rule), (waiting.get(counters.row(rule)) ?? 0) + 1)
    let lost = 0
    counters.names.forEach((_, row) => {
      const untaken = counters.untaken(row) - (waiting.get(row) ?? 0)
      const inMemory = counters.get(row, SLOT.inMemory)
      counters.add(row, SLOT.shedHot, untaken)
      counters.add(row, SLOT.shed, inMemory)
      counters.add(row, SLOT.inMemory, -inMemory)
      if (!this.#stopping) {
        const stored = counters.get(row, SLOT.stored)
        counters.add(row, SLOT.recovered, -stored)
        counters.add(row, SLOT.stored, -stored)
      }
      lost += untaken + inMemory
    })
    counters.global[GLOBAL.released] = counters.getGlobal(GLOBAL.accepted) - keep.length
    if (!this.#stopping) counters.global[GLOBAL.outboxRows] = 0
    return lost
  }
}

/** The compiler rewrites import specifiers, not URLs: the extension is that of this very file, `.ts` or `.js`. */
function threadFile(): URL {
  return new URL(`./thread${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url)
}
