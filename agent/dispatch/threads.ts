import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads'
import { GLOBAL, SLOT, type Counters } from './counters.ts'
import { DispatchError, messageOf } from './errors.ts'
import type { FromThread, Log, ShipOptions, StoreOptions, ToInlet, ToThread } from './protocol.ts'

/** Milliseconds until threads that died are started again. */
const RESTART_MS = 1_000
/** Milliseconds that draining threads may take beyond their time, to close their files, before they are ended. */
const CLOSE_MS = 5_000

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

export interface Buffered {
  /** Events by counter row. */
  readonly events: ReadonlyMap<number, number>
  /** Bytes of their frames. */
  readonly bytes: number
}

const NOTHING: Buffered = { events: new Map(), bytes: 0 }

/**
 * The two threads, which live and die together: one without the other would hold events that nobody settles. Starts them
 * again when they die: the agent decides on meanwhile.
 */
export class Threads {
  readonly #parts: ThreadsParts
  #workers: { readonly store: Worker; readonly ship: Worker } | undefined
  #inlet: MessagePort | undefined
  #running = false
  #stopping = false
  #restart: NodeJS.Timeout | undefined
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
    this.#workers?.store.postMessage(message)
  }

  /** @throws DispatchError DISPATCH_THREAD_FAILED when one of them dies before both are ready */
  start(): Promise<void> {
    const { store, ship, entries } = this.#parts
    const peers = new MessageChannel()
    const inlet = new MessageChannel()
    const workers = {
      store: worker('store', entries?.store ?? entryOf('store'), { ...store, peer: peers.port1, inlet: inlet.port1 }, [
        peers.port1,
        inlet.port1,
      ]),
      ship: worker('ship', entries?.ship ?? entryOf('ship'), { ...ship, peer: peers.port2 }, [peers.port2]),
    }
    this.#workers = workers
    return new Promise((resolve, reject) => {
      let failure: unknown
      let ready = 0
      let over = false
      for (const one of [workers.store, workers.ship]) {
        one.on('error', (error) => (failure ??= error))
        one.on('message', (message: FromThread) => {
          if (message.type !== 'ready') {
            this.#receive(message)
            return
          }
          if (++ready < 2 || over) return
          this.#running = true
          this.#inlet = inlet.port2
          this.#parts.ready(inlet.port2)
          resolve()
        })
        one.once('exit', (code) => {
          if (over) return
          over = true
          inlet.port2.close()
          const what = failure === undefined ? `exit ${code}` : messageOf(failure)
          void Promise.allSettled([workers.store.terminate(), workers.ship.terminate()]).then(() => {
            if (this.#running) this.#died(what)
            else reject(new DispatchError('DISPATCH_THREAD_FAILED', what, failure))
          })
        })
      }
    })
  }

  /** Resolves when the threads have ended, at the latest some seconds after `timeoutMs`. Later calls get the same promise. */
  drain(timeoutMs: number): Promise<void> {
    return (this.#drain ??= this.#drainOnce(timeoutMs))
  }

  async #drainOnce(timeoutMs: number): Promise<void> {
    this.#stopping = true
    clearTimeout(this.#restart)
    if (this.#running) {
      const ended = new Promise<void>((resolve) => (this.#drained = resolve))
      // Behind everything that was posted before.
      this.#inlet?.postMessage({ type: 'drain', timeoutMs } satisfies ToInlet)
      const late = setTimeout(() => {
        this.#parts.log.error({}, 'the dispatcher threads did not stop in time and were ended')
        this.#drained?.()
      }, timeoutMs + CLOSE_MS)
      await ended
      clearTimeout(late)
    }
    this.#running = false
    await Promise.all([this.#workers?.store.terminate(), this.#workers?.ship.terminate()])
    this.#parts.gone()
    const lost = this.#writeOff()
    if (lost > 0)
      this.#parts.log.error({ events: lost }, 'stopped without a dispatcher thread: events in memory are lost')
  }

  #receive(message: FromThread): void {
    if (message.type === 'log') this.#parts.log[message.level](message.fields, message.message)
    else if (message.type === 'drained') this.#drained?.()
    else this.#parts.receive(message)
  }

  #died(err: string): void {
    this.#running = false
    this.#drained?.()
    if (this.#stopping) return
    this.#parts.gone()
    const lost = this.#writeOff()
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

  /**
   * Settles the books of threads that are gone; only then may their slots be written here. What was in memory is shed.
   * Rows of the outbox are taken out, because the next thread counts them as recovered.
   */
  #writeOff(): number {
    const { counters, buffered } = this.#parts
    const waiting = this.#stopping ? NOTHING : buffered()
    let lost = 0
    let kept = 0
    counters.names.forEach((_, row) => {
      const here = waiting.events.get(row) ?? 0
      const untaken = counters.untaken(row) - here
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
      kept += here
    })
    const { global } = counters
    global[GLOBAL.released] = counters.getGlobal(GLOBAL.accepted) - kept
    global[GLOBAL.releasedBytes] = counters.getGlobal(GLOBAL.acceptedBytes) - waiting.bytes
    global[GLOBAL.inFlight] = 0
    if (!this.#stopping) {
      global[GLOBAL.stored] = 0
      global[GLOBAL.storedBytes] = 0
    }
    return lost
  }
}

function worker(name: string, entry: URL, workerData: object, transferList: readonly MessagePort[]): Worker {
  return new Worker(entry, { workerData, transferList: [...transferList], name: `dispatch ${name}` })
}

/** The compiler rewrites import specifiers, not URLs: the extension is that of this very file, `.ts` or `.js`. */
function entryOf(thread: 'store' | 'ship'): URL {
  return new URL(`./${thread}/thread${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url)
}
