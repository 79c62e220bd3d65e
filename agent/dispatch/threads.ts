import { MessageChannel, type MessagePort } from 'node:worker_threads'
import type { Counters } from './counters.ts'
import { DispatchError, messageOf } from './errors.ts'
import type { FromThread, Log, ShipOptions, StoreOptions, ToInlet, ToThread } from './protocol.ts'
import { endOf, Thread, within } from './thread.ts'
import { type Buffered, writeOff } from './write-off.ts'

/** Milliseconds until threads that died are started again. */
const RESTART_MS = 1_000
/** Milliseconds that draining threads may take beyond their time, to close their files, and what is half up to get there. */
const CLOSE_MS = 5_000
/** Milliseconds that they may take to end by themselves when everything is closed. */
const EXIT_MS = 2_000

interface Both {
  readonly store: Thread
  readonly ship: Thread
}

export interface ThreadsParts {
  readonly store: Omit<StoreOptions, 'peer' | 'inlet'>
  readonly ship: Omit<ShipOptions, 'peer'>
  readonly counters: Counters
  readonly log: Log
  /** What the hot side has accepted and not posted: it survives the threads. */
  readonly buffered: () => Buffered
  /** Told each time the threads are up, with the way in, so that what waited can be posted. */
  readonly ready: (inlet: MessagePort) => void
  /** Told when they are gone: nothing more comes through that inlet. */
  readonly gone: () => void
  readonly receive: (message: FromThread) => void
  /** Other entries, for tests. */
  readonly entries?: { readonly store?: URL; readonly ship?: URL }
}

/**
 * The two threads, which live and die together: one without the other would hold events that nobody settles. Starts them
 * again when they die: the agent decides on meanwhile. They end by themselves, in either case, when all that they have
 * open is closed; one that does not is terminated.
 */
export class Threads {
  readonly #parts: ThreadsParts
  #threads: Both | undefined
  #inlet: MessagePort | undefined
  #running = false
  #stopping = false
  #restart: NodeJS.Timeout | undefined
  /** Ends with the last start, or when what was left of threads that died has ended too. */
  #changing: Promise<void> | undefined
  #drain: Promise<void> | undefined
  #drained: (() => void) | undefined

  constructor(parts: ThreadsParts) {
    this.#parts = parts
  }

  /** Whether messages may be posted. */
  get running(): boolean {
    return this.#running
  }

  /** To the store thread. */
  post(message: ToThread): void {
    this.#threads?.store.worker.postMessage(message)
  }

  /** @throws DispatchError DISPATCH_THREAD_FAILED when one of them dies before both are ready */
  start(): Promise<void> {
    const inlet = new MessageChannel()
    const threads = (this.#threads = this.#spawn(inlet.port1))
    const both = [threads.store, threads.ship]
    const starting = new Promise<void>((resolve, reject) => {
      let failure: unknown
      let ready = 0
      let over = false
      for (const { name, worker } of both) {
        worker.on('error', (error) => (failure ??= error))
        worker.on('message', (message: FromThread) => {
          if (message.type !== 'ready') {
            // What becomes of the rest of a pair that died is in its counters.
            if (!over || message.type === 'log') this.#receive(message)
            return
          }
          if (++ready < 2 || over) return
          this.#running = true
          this.#inlet = inlet.port2
          this.#parts.ready(inlet.port2)
          resolve()
        })
        worker.once('exit', (code) => {
          if (over) return
          const err = failure === undefined ? `exit ${code}` : messageOf(failure)
          if (this.#running && this.#stopping) {
            // The other one notices, and stops without it.
            if (code !== 0) this.#parts.log.error({ err, thread: name }, 'a dispatcher thread died while it stopped')
            return
          }
          over = true
          inlet.port2.close()
          if (this.#running) this.#changing = this.#died(both, err)
          // Half up, the other one cannot be asked to stop.
          else void endOf(both, 0).then(() => reject(new DispatchError('DISPATCH_THREAD_FAILED', err, failure)))
        })
      }
    })
    this.#changing = starting
    return starting
  }

  /** Resolves when the threads have ended, at the latest some seconds after `timeoutMs`. Later calls get the same promise. */
  drain(timeoutMs: number): Promise<void> {
    return (this.#drain ??= this.#drainOnce(timeoutMs))
  }

  async #drainOnce(timeoutMs: number): Promise<void> {
    this.#stopping = true
    clearTimeout(this.#restart)
    // What is half up cannot be ended in order.
    if (this.#changing !== undefined) await within(CLOSE_MS, this.#changing)
    if (this.#threads !== undefined) await this.#end(this.#threads, timeoutMs)
    this.#running = false
    this.#parts.gone()
    const lost = writeOff(this.#parts.counters, undefined)
    if (lost > 0)
      this.#parts.log.error({ events: lost }, 'stopped without a dispatcher thread: events in memory are lost')
  }

  async #end({ store, ship }: Both, timeoutMs: number): Promise<void> {
    let inTime = false
    if (this.#running) {
      const drained = new Promise<void>((resolve) => (this.#drained = resolve))
      // Behind everything that was posted before.
      this.#inlet?.postMessage({ type: 'drain', timeoutMs } satisfies ToInlet)
      const over = Promise.all([store.ended, ship.ended])
      inTime = await within(timeoutMs + CLOSE_MS, Promise.race([drained, over]))
      if (!inTime) this.#parts.log.error({}, 'the dispatcher threads did not stop in time')
    }
    this.#tellStuck(await endOf([store, ship], inTime ? EXIT_MS : 0))
  }

  #tellStuck(threads: readonly string[]): void {
    if (threads.length === 0) return
    this.#parts.log.warn({ threads }, 'dispatcher threads did not end by themselves and were terminated')
  }

  #spawn(inlet: MessagePort): Both {
    const { store, ship, entries } = this.#parts
    const { port1, port2 } = new MessageChannel()
    const storeData = { ...store, peer: port1, inlet }
    return {
      store: new Thread('store', entries?.store ?? entryOf('store'), storeData, [port1, inlet]),
      ship: new Thread('ship', entries?.ship ?? entryOf('ship'), { ...ship, peer: port2 }, [port2]),
    }
  }

  #receive(message: FromThread): void {
    if (message.type === 'log') this.#parts.log[message.level](message.fields, message.message)
    else if (message.type === 'drained') this.#drained?.()
    else this.#parts.receive(message)
  }

  async #died(threads: readonly Thread[], err: string): Promise<void> {
    this.#running = false
    // At once: what comes now waits for the next ones.
    this.#parts.gone()
    this.#tellStuck(await endOf(threads, EXIT_MS))
    if (this.#stopping) return
    const lost = writeOff(this.#parts.counters, this.#parts.buffered())
    this.#parts.log.error(
      { err, lost },
      'a dispatcher thread died: starting them again, events in the outbox are delivered',
    )
    this.#restartLater()
  }

  #restartLater(): void {
    this.#restart = setTimeout(() => {
      this.start().catch((error: unknown) => {
        this.#parts.log.error({ err: messageOf(error) }, 'the dispatcher threads could not be started again: trying on')
        if (!this.#stopping) this.#restartLater()
      })
    }, RESTART_MS)
  }
}

/** The compiler rewrites import specifiers, not URLs: the extension is that of this very file, `.ts` or `.js`. */
function entryOf(thread: 'store' | 'ship'): URL {
  return new URL(`./${thread}/thread${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url)
}
