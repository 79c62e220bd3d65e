import type { ActorDispatchOptions } from '../actor/dispatch-options.ts'
import { BATCH_LIMITS, type BatchLimits } from './batcher.ts'
import type { Command } from './command.ts'
import { Counters, GLOBAL, SLOT, type DispatchCounters } from './counters.ts'
import { messageOf } from './errors.ts'
import type { Log, TemporalOptions, TemporalState } from './protocol.ts'
import { ThreadHandle } from './thread-handle.ts'

export type { DispatchCounters, RuleCounters } from './counters.ts'

export interface DispatcherOptions {
  readonly temporal: TemporalOptions
  /** `maxRows`: durable events that may wait on disk, default 1,000,000; more are shed. */
  readonly outbox: { readonly path: string; readonly maxRows?: number }
  /** `maxEvents`: events in memory that are neither settled nor left on disk, default 100,000; more are shed. */
  readonly queue?: { readonly maxEvents?: number }
  /** When a meter batch goes out: default 100 records, 250 ms, 262,144 bytes, whichever comes first. */
  readonly meter?: Partial<BatchLimits>
  /** How Temporal is told who called. Default: unsigned, without search attributes. */
  readonly actor?: ActorDispatchOptions
  /** Rule names, for counters; commands of other rules are counted as `(other)`. */
  readonly rules: readonly string[]
  readonly log: Log
}

export interface DispatcherState {
  /** `unknown` until the first answer; `unavailable` also when Temporal refuses the agent itself. */
  readonly temporal: TemporalState
  /** Why the latest call that failed did. */
  readonly lastError?: string
  /** Milliseconds since the oldest pending event happened, renewed every 250 ms; absent when none is pending. */
  readonly oldestPendingMs?: number
  readonly outboxRows: number
}

export interface Dispatcher {
  /** Takes one command. Never blocks, never throws. false: shed, and counted as such. */
  dispatch(command: Command): boolean
  /**
   * Resolves when the thread runs and has tried to open the outbox; does not wait for Temporal.
   *
   * @throws DispatchError DISPATCH_THREAD_FAILED, for example when a TLS file cannot be read
   */
  start(): Promise<void>
  /**
   * Takes no more commands, delivers what it can within `timeoutMs`, then stops the thread. Events in memory that are
   * not delivered by then are counted as shed and logged; those in the outbox stay there.
   */
  drain(timeoutMs: number): Promise<void>
  counters(): DispatchCounters
  state(): DispatcherState
}

const MAX_ROWS = 1_000_000
const MAX_EVENTS = 100_000
/** Commands in one message to the thread, and milliseconds the first of them waits: one wake-up carries many. */
const MESSAGE_COMMANDS = 512
const MESSAGE_DELAY_MS = 2

/** Makes a dispatcher. Commands may be given to it before `start`: they wait. `entry` is for tests only. */
export function createDispatcher(options: DispatcherOptions, entry?: URL): Dispatcher {
  return new HotSide(options, entry)
}

/** The decision thread's half: it counts, collects and posts, and does nothing else. */
class HotSide implements Dispatcher {
  readonly #counters: Counters
  readonly #thread: ThreadHandle
  readonly #log: Log
  readonly #maxEvents: number
  readonly #maxRows: number
  #buffer: Command[] = []
  #timer: NodeJS.Timeout | undefined
  #closed = false
  readonly #flush = (): void => this.#post()

  constructor(options: DispatcherOptions, entry: URL | undefined) {
    this.#counters = new Counters(options.rules)
    this.#log = options.log
    this.#maxEvents = options.queue?.maxEvents ?? MAX_EVENTS
    this.#maxRows = options.outbox.maxRows ?? MAX_ROWS
    this.#thread = new ThreadHandle({
      options: {
        temporal: options.temporal,
        outbox: { path: options.outbox.path, maxRows: this.#maxRows },
        meter: { ...BATCH_LIMITS, ...options.meter },
        rules: options.rules,
        actor: options.actor,
        shared: this.#counters.shared,
      },
      counters: this.#counters,
      log: options.log,
      buffered: () => this.#buffer,
      ready: () => this.#post(),
      ...(entry === undefined ? {} : { entry }),
    })
  }

  dispatch(command: Command): boolean {
    const counters = this.#counters
    const row = counters.row(command.rule)
    counters.add(row, SLOT.received)
    const inMemory = counters.getGlobal(GLOBAL.accepted) - counters.getGlobal(GLOBAL.released)
    const full = command.delivery === 'durable' && counters.getGlobal(GLOBAL.outboxRows) >= this.#maxRows
    if (this.#closed || full || inMemory >= this.#maxEvents) {
      counters.add(row, SLOT.shedHot)
      return false
    }
    counters.addGlobal(GLOBAL.accepted)
    if (this.#buffer.push(command) >= MESSAGE_COMMANDS) this.#post()
    else this.#timer ??= setTimeout(this.#flush, MESSAGE_DELAY_MS)
    return true
  }

  start(): Promise<void> {
    return this.#thread.start()
  }

  async drain(timeoutMs: number): Promise<void> {
    this.#closed = true
    this.#post()
    await this.#thread.drain(timeoutMs)
  }

  counters(): DispatchCounters {
    return this.#counters.read()
  }

  state(): DispatcherState {
    const { temporal, lastError } = this.#thread
    const oldestAt = this.#counters.getGlobal(GLOBAL.oldestAt)
    return {
      temporal,
      ...(lastError === undefined ? {} : { lastError }),
      ...(oldestAt === 0 ? {} : { oldestPendingMs: Math.max(0, Date.now() - oldestAt) }),
      outboxRows: this.#counters.getGlobal(GLOBAL.outboxRows),
    }
  }

  /** Hands the buffer over. While the thread is down the buffer stays, within the bound on events. */
  #post(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#buffer.length === 0 || !this.#thread.running) return
    const commands = this.#buffer
    this.#buffer = []
    try {
      this.#thread.post({ type: 'commands', commands })
    } catch {
      // Something in it cannot be copied to another thread. One such command must not take the others along.
      for (const command of commands) this.#postAlone(command)
    }
  }

  #postAlone(command: Command): void {
    try {
      this.#thread.post({ type: 'commands', commands: [command] })
    } catch (error) {
      this.#counters.add(this.#counters.row(command.rule), SLOT.shedHot)
      this.#counters.addGlobal(GLOBAL.accepted, -1)
      this.#log.error(
        { rule: command.rule, err: messageOf(error) },
        'an event holds what cannot leave its thread: shed',
      )
    }
  }
}
