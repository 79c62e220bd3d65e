import type { Socket } from 'node:net'
import type { SecureContextOptions } from 'node:tls'
import type {
  Agent,
  AgentCounters,
  AgentOptions,
  AgentSession,
  DrainOptions,
  Handlers,
  ListenOptions,
  SessionLink,
} from './api.ts'
import { Connection } from './connection.ts'
import { channels } from './diagnostics.ts'
import { Dispatcher } from './dispatcher.ts'
import { SpopError } from './errors.ts'
import { Listener, type ListenerHost, type Open } from './listener.ts'
import { MAX_TIMER_MS, checkNumber, newCounters, readHandlers, readOptions } from './options.ts'
import { OutputPool } from './output.ts'
import { RefusedSockets } from './refused.ts'
import { Reporter } from './report.ts'
import type { SessionContext } from './session.ts'
import { StallClock } from './stall-clock.ts'
import { openSession } from './unbound-session.ts'

const DRAIN_TIMEOUT_MS = 5_000
const DRAIN_QUIET_MS = 100
/** Between two looks at the connections while draining, milliseconds. */
const DRAIN_STEP_MS = 10
/** Between two looks at slow and idle peers, milliseconds. */
const CHECK_EVERY_MS = 500

/**
 * Creates an SPOE agent; it does nothing until `listen`.
 *
 * @throws SpopError ERR_SPOP_OPTION for an unknown option or a value out of range
 */
export function createAgent(options: AgentOptions): Agent {
  return new SpoeAgent(options)
}

class SpoeAgent implements Agent, ListenerHost {
  readonly counters: AgentCounters = newCounters()
  readonly handshakeTimeoutMs: number
  readonly #context: SessionContext
  readonly #pool = new OutputPool()
  readonly #clock: StallClock
  readonly #refused: RefusedSockets
  readonly #listeners = new Set<Listener>()
  readonly #connections = new Set<Connection>()
  /** Admitted, but their TLS handshake is not complete. */
  #handshaking = 0
  /** A drain has lasted for half of its time. */
  #hurried = false
  #checker: NodeJS.Timeout | undefined = undefined
  /** Ends the wait of a drain early. */
  #wake: (() => void) | undefined = undefined
  #draining: Promise<void> | undefined = undefined
  #closing: Promise<void> | undefined = undefined

  constructor(options: AgentOptions) {
    const settings = readOptions(options)
    const reporter = new Reporter(this.counters, settings.onError)
    this.handshakeTimeoutMs = settings.helloTimeoutMs
    this.#clock = new StallClock(settings.deadlineMs)
    this.#refused = new RefusedSockets(settings.refusalDelayMs)
    this.#context = { settings, reporter, dispatcher: new Dispatcher(settings, reporter), draining: false }
  }

  async listen(addresses: string | ListenOptions | readonly (string | ListenOptions)[]): Promise<string[]> {
    const opened: Listener[] = []
    const bound: string[] = []
    const all = [addresses].flat() as (string | ListenOptions)[]
    if (all.length === 0) throw new SpopError('ERR_SPOP_ADDRESS', '')
    try {
      for (const one of all) {
        if (this.#context.draining) throw new SpopError('ERR_SPOP_CLOSED')
        const options = typeof one === 'string' ? { address: one } : one
        const listener = new Listener(this, options)
        // Kept from the start, so that a close() during the bind finds it.
        this.#listeners.add(listener)
        opened.push(listener)
        bound.push(...(await listener.open(options)))
      }
      if (this.#context.draining) throw new SpopError('ERR_SPOP_CLOSED')
    } catch (error) {
      const closed = opened.map((listener) => this.#closeListener(listener))
      // HAProxy may have connected to the first address already, and would keep it open.
      for (const connection of this.#connections)
        if (opened.includes(connection.origin as Listener)) connection.destroy()
      for (const listener of opened) listener.destroyHandshakes()
      await Promise.all(closed)
      throw error
    }
    return bound
  }

  replaceHandlers(handlers: Handlers): void {
    this.#context.dispatcher.replaceHandlers(readHandlers(handlers))
  }

  replaceTls(address: string, tls: SecureContextOptions): void {
    const listeners = [...this.#listeners].filter((listener) => listener.address === address && listener.speaksTls)
    if (listeners.length === 0) throw new SpopError('ERR_SPOP_LISTEN', 'tls', address)
    for (const listener of listeners) listener.replaceTls(tls)
  }

  session(link: SessionLink): AgentSession {
    return openSession(this.#context, this.#pool, link)
  }

  drain({ graceMs = 0, timeoutMs = DRAIN_TIMEOUT_MS, quietMs = DRAIN_QUIET_MS }: DrainOptions = {}): Promise<void> {
    checkNumber('graceMs', graceMs, 0, MAX_TIMER_MS)
    checkNumber('timeoutMs', timeoutMs, 0, MAX_TIMER_MS)
    checkNumber('quietMs', quietMs, 0, MAX_TIMER_MS)
    this.#draining ??= this.#closing ?? this.#drain(graceMs, timeoutMs, quietMs)
    return this.#draining
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  admit(socket: Socket): boolean {
    if (this.#connections.size + this.#handshaking < this.#context.settings.maxConnections) {
      this.#handshaking++
      return true
    }
    this.counters.connectionsRefused++
    this.#refuse(socket, 'connections')
    return false
  }

  reject(socket: Socket): void {
    this.counters.peersRefused++
    this.#refuse(socket, 'peer')
  }

  accepted(open: Open, listener: Listener): void {
    const { counters } = this
    this.#handshaking--
    counters.connectionsTotal++
    const connection = new Connection(open, listener, this.#context, this.#pool, this.#clock, (closed) => {
      this.#connections.delete(closed)
      counters.connections = this.#connections.size
      if (this.#connections.size === 0) this.#rest()
    })
    this.#connections.add(connection)
    if (this.#hurried) connection.drainSoon()
    counters.connections = this.#connections.size
    this.#clock.start()
    this.#checker ??= setInterval(() => this.#check(), CHECK_EVERY_MS).unref()
  }

  handshakeFailed(error: unknown): void {
    this.#handshaking--
    this.counters.handshakeErrors++
    this.#context.reporter.report(error)
  }

  acceptFailed(error: unknown): void {
    this.#context.reporter.report(error)
  }

  #refuse(socket: Socket, reason: 'connections' | 'peer'): void {
    if (channels.refused.hasSubscribers) channels.refused.publish({ reason, remoteAddress: socket.remoteAddress })
    this.#refused.refuse(socket)
  }

  #check(): void {
    const now = performance.now()
    for (const connection of this.#connections) connection.check(now)
  }

  /** No connection, no timers. */
  #rest(): void {
    this.#clock.stop()
    clearInterval(this.#checker)
    this.#checker = undefined
  }

  async #drain(graceMs: number, timeoutMs: number, quietMs: number): Promise<void> {
    this.#context.draining = true
    this.#phase('grace')
    if (graceMs > 0) await this.#sleep(graceMs)
    this.#phase('quiet')
    this.#refused.closeAll()
    const closed = this.#closeListeners()
    const started = performance.now()
    const step = (): void => {
      const now = performance.now()
      for (const connection of this.#connections) connection.drainIfQuiet(now, quietMs)
      if (now - started < timeoutMs / 2 || this.#hurried) return
      this.#hurried = true
      this.#phase('hurry')
      for (const connection of this.#connections) connection.drainSoon()
    }
    // Behind the reads of the same turn: after a pause of this process, what looks silent may only be unread.
    const timer = setInterval(() => setImmediate(step), DRAIN_STEP_MS)
    const end = setTimeout(() => this.#destroyAll(), timeoutMs)
    await closed
    clearInterval(timer)
    clearTimeout(end)
    this.#phase('done')
  }

  #phase(phase: 'grace' | 'quiet' | 'hurry' | 'done'): void {
    if (channels.drain.hasSubscribers) channels.drain.publish({ phase, connections: this.#connections.size })
  }

  async #close(): Promise<void> {
    // A drain that comes later is this very promise.
    const draining = this.#draining
    this.#context.draining = true
    this.#wake?.()
    const closed = this.#closeListeners()
    this.#destroyAll()
    await closed
    await draining
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms)
      this.#wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  /** Stops accepting; resolves when the last connection has gone. */
  async #closeListeners(): Promise<void> {
    await Promise.all(Array.from(this.#listeners, (listener) => this.#closeListener(listener)))
    // The server says that it is closed a little before its last connection does.
    while (this.#connections.size > 0) await new Promise((resolve) => setImmediate(resolve))
  }

  async #closeListener(listener: Listener): Promise<void> {
    await listener.close()
    this.#listeners.delete(listener)
  }

  #destroyAll(): void {
    for (const listener of this.#listeners) listener.destroyHandshakes()
    for (const connection of this.#connections) connection.destroy()
    this.#refused.closeAll()
  }
}
