import type { MessagePort } from 'node:worker_threads'
import type { ActorDispatchOptions } from '../actor/dispatch-options.ts'
import { LineBudget } from '../line-budget.ts'
import { ActionTable } from './action-table.ts'
import { Bound } from './bound.ts'
import type { Command } from './command.ts'
import { Counters, GLOBAL, SLOT, type DispatchCounters, type Spent } from './counters.ts'
import { messageOf } from './errors.ts'
import { PacketReader, PacketWriter } from './packet.ts'
import type { FromInlet, FromThread, Log, TemporalOptions, TemporalState, ToInlet } from './protocol.ts'
import type { OutboxAnswer, OutboxRequest } from './store/outbox-calls.ts'
import { Questions } from './questions.ts'
import type { ConnectionStatus } from './temporal/status.ts'
import { Threads } from './threads.ts'
import { Tickets, type Ticket } from './tickets.ts'
import type { Buffered } from './write-off.ts'

export type { DispatchCounters, RuleCounters } from './counters.ts'
export type { Ticket } from './tickets.ts'

export interface DispatcherOptions {
  readonly temporal: TemporalOptions
  readonly outbox: {
    readonly path: string
    /** Durable events that may wait on disk, default 1,000,000; more are shed. */
    readonly maxRows?: number
    /** Bytes that they may take there, default 1 GiB. */
    readonly maxBytes?: number
    /** Events that may be among the dead letters, default 100,000; the oldest make room. */
    readonly maxDeadLetters?: number
    /** Milliseconds for which delivered ones are kept, for a replay; default 0: not at all. */
    readonly retainMs?: number
    /** File with the keys that rows are encrypted with. */
    readonly keyFile?: string | undefined
  }
  /** Events in memory that are neither settled nor left on disk: default 100,000 and 64 MiB; more are shed. */
  readonly queue?: { readonly maxEvents?: number; readonly maxBytes?: number }
  /** How Temporal is told who called. Default: unsigned, without search attributes. */
  readonly actor?: ActorDispatchOptions
  /** Rule names, for counters; commands of other rules are counted as `(other)`, see {@link Dispatcher.addRules}. */
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
  /** Events on disk. */
  readonly outboxRows: number
  /** Rules whose events stay on disk until an operator resumes them. */
  readonly pausedRules: readonly string[]
  /** Rules whose calls Temporal refuses while it takes others: an operator must mend that. */
  readonly deniedRules: readonly string[]
  /** Those to Temporal that were opened so far, and the certificates that they show. */
  readonly connections: readonly ConnectionStatus[]
}

/** Why there is no event of a request. The names are slots of its rule. */
export type LeftOut = 'sampledOut' | 'windowed'

export interface Dispatcher {
  /** Takes one command. Never blocks, never throws. false: shed, and counted as such. */
  dispatch(command: Command): boolean
  /**
   * Takes one command of the class `strict`. Never blocks, never throws. undefined: shed, and counted as such. Otherwise
   * its ticket tells when it is on disk, and must be told how the request was answered.
   */
  dispatchStrict(command: Command): Ticket | undefined
  /** Counts an event of a rule that is not made: its sampling leaves it out, or a window counts its request instead. */
  leaveOut(rule: string, why: LeftOut): void
  /** What a rule has come to so far: what its budget is held against. */
  spent(rule: string): Spent
  /**
   * Counts the commands of these rules under their names too, from now on. Names that are known already keep their
   * counts, and none is ever forgotten.
   */
  addRules(names: readonly string[]): void
  /** Asks the outbox what an operator wants to know or have done. Never rejects. */
  outbox(request: OutboxRequest): Promise<OutboxAnswer>
  /**
   * Resolves when the threads run and have tried to open the outbox; does not wait for Temporal.
   *
   * @throws DispatchError DISPATCH_THREAD_FAILED, for example when a TLS file cannot be read
   */
  start(): Promise<void>
  /**
   * Takes no more commands, delivers what it can within `timeoutMs`, then stops the threads. Events in memory that are
   * not delivered by then are counted as shed and logged; those in the outbox stay there.
   */
  drain(timeoutMs: number): Promise<void>
  counters(): DispatchCounters
  state(): DispatcherState
}

/** Bounds where the configuration has none. */
const BOUNDS = { maxEvents: 100_000, maxBytes: 64 * 1024 * 1024, maxStored: 1_000_000, maxStoredBytes: 1024 ** 3 }
const MAX_DEAD = 100_000
/** Bytes of dead letters, as a share of what may wait on disk. */
const DEAD_SHARE = 0.25
/** Bytes of a packet that is full, and milliseconds that the first command in it waits: one wake-up carries many. */
const PACKET_BYTES = 128 * 1024
const PACKET_DELAY_MS = 2

/** Makes a dispatcher. Commands may be given to it before `start`: they wait. `entries` is for tests only. */
export function createDispatcher(
  options: DispatcherOptions,
  entries?: { readonly store?: URL; readonly ship?: URL },
): Dispatcher {
  return new HotSide(options, entries)
}

/** The decision thread's half: it counts, packs and posts, and does nothing else. */
class HotSide implements Dispatcher {
  readonly #counters: Counters
  readonly #actions = new ActionTable()
  readonly #packet = new PacketWriter()
  readonly #bound: Bound
  readonly #tickets: Tickets
  readonly #questions: Questions
  readonly #threads: Threads
  readonly #log: Log
  readonly #badLines = new LineBudget()
  #inlet: MessagePort | undefined
  /** Actions that the store thread knows. */
  #told = 0
  #timer: NodeJS.Timeout | undefined
  #closed = false
  #temporal: TemporalState = 'unknown'
  #lastError: string | undefined
  #pausedRules: readonly string[] = []
  #deniedRules: readonly string[] = []
  #connections: readonly ConnectionStatus[] = []
  readonly #flush = (): void => this.#post()

  constructor(options: DispatcherOptions, entries?: { readonly store?: URL; readonly ship?: URL }) {
    const { outbox, queue, temporal, actor, log } = options
    const counters = (this.#counters = new Counters(options.rules))
    this.#log = log
    const bounds = {
      maxEvents: queue?.maxEvents ?? BOUNDS.maxEvents,
      maxBytes: queue?.maxBytes ?? BOUNDS.maxBytes,
      maxStored: outbox.maxRows ?? BOUNDS.maxStored,
      maxStoredBytes: outbox.maxBytes ?? BOUNDS.maxStoredBytes,
    }
    const deadBounds = {
      events: outbox.maxDeadLetters ?? MAX_DEAD,
      bytes: bounds.maxStoredBytes * DEAD_SHARE,
    }
    this.#bound = new Bound(counters, bounds)
    this.#tickets = new Tickets(() => this.#wake())
    this.#questions = new Questions((call, request) => this.#threads.post({ type: 'outbox', call, request }))
    // Grows with them: threads that are started again get all names.
    const shared = { rules: counters.names, shared: counters.shared }
    this.#threads = new Threads({
      store: {
        ...shared,
        path: outbox.path,
        namespace: temporal.namespace,
        bounds,
        deadBounds,
        retainMs: outbox.retainMs ?? 0,
        keyFile: outbox.keyFile,
      },
      ship: { ...shared, temporal, actor },
      counters,
      log,
      buffered: () => this.#buffered(),
      ready: (inlet) => this.#opened(inlet),
      gone: () => this.#gone(),
      receive: (message) => this.#receive(message),
      ...(entries !== undefined && { entries }),
    })
  }

  dispatch(command: Command): boolean {
    return this.#take(command, 0)
  }

  dispatchStrict(command: Command): Ticket | undefined {
    const ticket = this.#tickets.issue()
    if (this.#take(command, ticket.number)) return ticket
    this.#tickets.withdraw(ticket)
    return undefined
  }

  leaveOut(rule: string, why: LeftOut): void {
    const row = this.#counters.row(rule)
    this.#counters.add(row, SLOT.received)
    this.#counters.add(row, SLOT[why])
  }

  spent(rule: string): Spent {
    return this.#counters.spent(this.#counters.row(rule))
  }

  addRules(names: readonly string[]): void {
    // What waits here was counted by the rows of before.
    this.#post()
    const without = this.#counters.addRules(names)
    if (without > 0) this.#log.warn({ rules: without }, 'too many rules since the start: counted as (other)')
    this.#inlet?.postMessage({ type: 'rules', names: this.#counters.names } satisfies ToInlet)
  }

  outbox(request: OutboxRequest): Promise<OutboxAnswer> {
    if (!this.#threads.running) return Promise.resolve({ ok: false, error: 'the dispatcher does not run' })
    return this.#questions.ask(request)
  }

  start(): Promise<void> {
    return this.#threads.start()
  }

  async drain(timeoutMs: number): Promise<void> {
    this.#closed = true
    this.#post()
    await this.#threads.drain(timeoutMs)
  }

  counters(): DispatchCounters {
    return this.#counters.read()
  }

  state(): DispatcherState {
    const oldestAt = this.#counters.getGlobal(GLOBAL.oldestAt)
    return {
      temporal: this.#temporal,
      ...(this.#lastError === undefined ? {} : { lastError: this.#lastError }),
      ...(oldestAt === 0 ? {} : { oldestPendingMs: Math.max(0, Date.now() - oldestAt) }),
      outboxRows: this.#counters.getGlobal(GLOBAL.stored),
      pausedRules: this.#pausedRules,
      deniedRules: this.#deniedRules,
      connections: this.#connections,
    }
  }

  #take(command: Command, ticket: number): boolean {
    const counters = this.#counters
    const { action } = command
    const row = counters.row(action.rule)
    counters.add(row, SLOT.received)
    const bytes = this.#closed || this.#bound.refuses(action) ? 0 : this.#pack(command, ticket)
    if (bytes === 0) {
      counters.add(row, SLOT.shedHot)
      return false
    }
    counters.addGlobal(GLOBAL.accepted)
    counters.addGlobal(GLOBAL.acceptedBytes, bytes)
    if (this.#packet.length >= PACKET_BYTES) this.#post()
    else this.#wake()
    return true
  }

  /** Bytes that the command takes; 0 when it cannot leave this thread. */
  #pack(command: Command, ticket: number): number {
    let err: string | undefined
    try {
      const bytes = this.#packet.add(command, this.#actions.indexOf(command.action), ticket)
      if (bytes > 0) return bytes
      err = 'it is too large'
    } catch (error) {
      err = messageOf(error)
    }
    const suppressed = this.#badLines.take()
    if (suppressed !== undefined)
      this.#log.error(
        { rule: command.action.rule, err, suppressed },
        'an event holds what cannot leave its thread: shed',
      )
    return 0
  }

  #wake(): void {
    this.#timer ??= setTimeout(this.#flush, PACKET_DELAY_MS)
  }

  /** Hands everything over. While the threads are down it stays, within the bounds. */
  #post(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const inlet = this.#inlet
    if (inlet === undefined) return
    const send = (message: ToInlet, transfer?: readonly ArrayBuffer[]): void => inlet.postMessage(message, transfer)
    // Before the events of requests that came after the answer: what they ask of the same workflow comes later.
    const kept = this.#tickets.takeKept()
    if (kept.length > 0) send({ type: 'answered', kept, refused: [] })
    if (this.#told < this.#actions.size) {
      send({ type: 'actions', first: this.#told, actions: this.#actions.from(this.#told) })
      this.#told = this.#actions.size
    }
    if (this.#packet.count > 0) {
      const bytes = this.#packet.take()
      send({ type: 'packet', bytes }, [bytes.buffer])
    }
    // Behind the events, as those that were refused for being late may be among them.
    const refused = this.#tickets.takeRefused()
    if (refused.length > 0) send({ type: 'answered', kept: [], refused })
  }

  #opened(inlet: MessagePort): void {
    this.#inlet = inlet
    this.#told = 0
    // They may have been given those of before.
    inlet.postMessage({ type: 'rules', names: this.#counters.names } satisfies ToInlet)
    inlet.on('message', ({ stored, failed }: FromInlet) => this.#tickets.settle(stored, failed))
    // What keeps the process alive is the agent's sockets and, on a stop, the drain.
    inlet.unref()
    this.#post()
  }

  #gone(): void {
    this.#inlet = undefined
    this.#deniedRules = []
    this.#tickets.failAll()
    this.#questions.failAll('the dispatcher threads are gone')
  }

  #receive(message: FromThread): void {
    if (message.type === 'answer') this.#questions.answer(message.call, message.answer)
    else if (message.type === 'paused') this.#pausedRules = message.rules
    else if (message.type === 'denied') this.#deniedRules = message.rules
    else if (message.type === 'connections') this.#connections = message.connections
    else if (message.type === 'state') {
      this.#temporal = message.temporal
      this.#lastError = message.lastError
    }
  }

  /** What is in the packet that is being packed. */
  #buffered(): Buffered {
    const events = new Map<number, number>()
    const frame = new PacketReader(this.#packet.peek())
    while (frame.next()) {
      const row = this.#counters.row(this.#actions.at(frame.action)?.rule ?? '')
      events.set(row, (events.get(row) ?? 0) + 1)
    }
    return { events, bytes: this.#packet.length }
  }
}
