import { type Server, type Socket, createServer } from 'node:net'
import { bind } from './address.ts'
import type { Agent, AgentCounters, AgentOptions, DrainOptions } from './api.ts'
import { Connection } from './connection.ts'
import { Dispatcher } from './dispatcher.ts'
import { SpopError } from './errors.ts'
import { newCounters, readOptions } from './options.ts'
import { OutputPool } from './output.ts'
import { Reporter } from './report.ts'
import type { SessionContext } from './session.ts'
import { StallClock } from './stall-clock.ts'

const DRAIN_TIMEOUT_MS = 5_000

/**
 * Creates an SPOE agent; it does nothing until `listen`.
 *
 * @throws SpopError ERR_SPOP_OPTION for an unknown option or a value out of range
 */
export function createAgent(options: AgentOptions): Agent {
  return new SpoeAgent(options)
}

class SpoeAgent implements Agent {
  readonly counters: AgentCounters = newCounters()
  readonly #context: SessionContext
  readonly #pool = new OutputPool()
  readonly #clock: StallClock
  readonly #servers = new Set<Server>()
  readonly #connections = new Set<Connection>()
  /** Ends the wait of a drain early. */
  #wake: (() => void) | undefined = undefined
  #draining: Promise<void> | undefined = undefined
  #closing: Promise<void> | undefined = undefined

  constructor(options: AgentOptions) {
    const settings = readOptions(options)
    const reporter = new Reporter(this.counters, settings.onError)
    this.#clock = new StallClock(settings.deadlineMs)
    this.#context = { settings, reporter, dispatcher: new Dispatcher(settings, reporter), draining: false }
  }

  async listen(addresses: string | readonly string[]): Promise<string[]> {
    const opened: Server[] = []
    const bound: string[] = []
    try {
      for (const address of typeof addresses === 'string' ? [addresses] : addresses) {
        if (this.#context.draining) throw new SpopError('ERR_SPOP_CLOSED')
        const server = createServer({ noDelay: true }, (socket) => this.#accept(socket))
        // Kept from the start, so that a close() during the bind finds it.
        this.#servers.add(server)
        opened.push(server)
        bound.push(await bind(server, address))
        // Errors of an accept (too many files) pass; Node goes on listening.
        server.on('error', (error) => this.#context.reporter.report(error))
      }
      if (this.#closing !== undefined) throw new SpopError('ERR_SPOP_CLOSED')
    } catch (error) {
      await Promise.all(opened.map((server) => this.#closeServer(server)))
      throw error
    }
    return bound
  }

  drain(options: DrainOptions = {}): Promise<void> {
    this.#draining ??= this.#closing ?? this.#drain(options.graceMs ?? 0, options.timeoutMs ?? DRAIN_TIMEOUT_MS)
    return this.#draining
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  #accept(socket: Socket): void {
    const { counters } = this
    if (this.#connections.size >= this.#context.settings.maxConnections) {
      counters.connectionsRefused++
      socket.on('error', () => {})
      socket.destroy()
      return
    }
    counters.connectionsTotal++
    const connection = new Connection(socket, this.#context, this.#pool, this.#clock, (closed) => {
      this.#connections.delete(closed)
      counters.connections = this.#connections.size
      if (this.#connections.size === 0) this.#clock.stop()
    })
    this.#connections.add(connection)
    this.#clock.start()
    counters.connections = this.#connections.size
  }

  async #drain(graceMs: number, timeoutMs: number): Promise<void> {
    this.#context.draining = true
    if (graceMs > 0) await this.#sleep(graceMs)
    const closed = this.#closeServers()
    for (const connection of this.#connections) connection.drain()
    const timer = setTimeout(() => this.#destroyAll(), timeoutMs)
    await closed
    clearTimeout(timer)
  }

  async #close(): Promise<void> {
    this.#context.draining = true
    this.#wake?.()
    const closed = this.#closeServers()
    this.#destroyAll()
    await closed
    await this.#draining
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
  async #closeServers(): Promise<void> {
    await Promise.all(Array.from(this.#servers, (server) => this.#closeServer(server)))
  }

  #closeServer(server: Server): Promise<void> {
    return new Promise((resolve) => {
      server.close(() => {
        this.#servers.delete(server)
        resolve()
      })
    })
  }

  #destroyAll(): void {
    for (const connection of this.#connections) connection.destroy()
  }
}
