import type { Socket } from 'node:net'
import { SpopError } from '../errors.ts'
import { encodeMessages } from '../protocol/encode.ts'
import type { Ack } from './ack.ts'
import { deadline } from './deadline.ts'
import type { AgentHello } from './hello.ts'
import type { Ids } from './notify.ts'
import { MAX_TIMER_MS, checkNumber } from '../options.ts'
import { type ClientOptions, type ClientSettings, readClientOptions } from './options.ts'
import { type SampleMessages, toMessages } from './sample.ts'
import { ClientSession, type SessionCounters } from './session.ts'
import { openSocket } from './socket.ts'

/** Options of {@link Client.notify}. */
export interface NotifyOptions extends Partial<Ids> {
  /** Milliseconds for the ACK, waiting for the window included; default that of the client. */
  readonly timeoutMs?: number
}

/** A NOTIFY whose promise is open. */
interface Request {
  readonly payload: Buffer
  readonly given: Partial<Ids>
  /** Once it has been sent. */
  ids: Ids | undefined
  readonly resolve: (ack: Ack) => void
  readonly reject: (error: unknown) => void
  readonly cancelTimeout: () => void
}

/**
 * Connects to an agent as HAProxy does, `tcp://host:port`, `tcp://[ipv6]:port` or `unix:///path`, and resolves once
 * AGENT-HELLO has come and HAProxy would accept it.
 *
 * @throws SpopError ERR_SPOP_OPTION, ERR_SPOP_ADDRESS, ERR_SPOP_CONNECT_TIMEOUT, ERR_SPOP_AGENT_HELLO_TIMEOUT,
 *   ERR_SPOP_AGENT_DISCONNECT with the agent's status, ERR_SPOP_CONNECTION_LOST, the errors of a malformed or refused
 *   AGENT-HELLO; those of the system as they are
 */
export async function connect(address: string, options: ClientOptions = {}): Promise<Client> {
  const settings = readClientOptions(options)
  const socket = await openSocket(address, settings)
  const client = new Client(socket, settings)
  await client.greet()
  return client
}

/** HAProxy's side of one connection to an agent. */
export class Client {
  readonly #socket: Socket
  readonly #settings: ClientSettings
  readonly #session: ClientSession<Request>
  readonly #sent = new Set<Request>()
  readonly #queued = new Set<Request>()
  readonly #closed: Promise<void>
  #window = 1
  #output: Buffer[] = []
  #failure: SpopError | undefined = undefined
  #helloWaiter: { readonly resolve: () => void; readonly reject: (error: SpopError) => void } | undefined = undefined

  /** Use {@link connect}. */
  constructor(socket: Socket, settings: ClientSettings) {
    this.#socket = socket
    this.#settings = settings
    this.#session = new ClientSession(settings, {
      send: (bytes) => this.#write(bytes),
      hello: ({ capabilities }) => {
        // Without pipelining HAProxy 3.1+ has one NOTIFY in flight.
        this.#window = capabilities.includes('pipelining') ? settings.window : 1
        this.#helloWaiter?.resolve()
      },
      ack: (request, ack) => {
        this.#sent.delete(request)
        request.cancelTimeout()
        request.resolve(ack)
        this.#pump()
      },
      end: (error) => this.#end(error),
      complaint: (error) => {
        try {
          settings.onError?.(error)
        } catch {
          // Reporting must not end the connection.
        }
      },
    })
    this.#closed = new Promise((resolve) => socket.once('close', () => resolve()))
    socket.on('data', (chunk: Buffer) => this.#session.receive(chunk))
    socket.once('close', () => this.#session.lost(new SpopError('ERR_SPOP_CONNECTION_LOST', 'it was closed')))
    socket.once('error', (error) => this.#session.lost(new SpopError('ERR_SPOP_CONNECTION_LOST', error.message)))
  }

  /** What the agent said first. */
  get hello(): AgentHello {
    const { hello } = this.#session
    if (hello === undefined) throw new SpopError('ERR_SPOP_CLIENT_CLOSED')
    return hello
  }

  /** ACKs the agent should not have sent. */
  get counters(): Readonly<SessionCounters> {
    return this.#session.counters
  }

  /** NOTIFYs sent and not yet answered. */
  get inFlight(): number {
    return this.#sent.size
  }

  /** Resolves when the connection has gone. */
  get closed(): Promise<void> {
    return this.#closed
  }

  /** Sends HAPROXY-HELLO and waits for the answer; {@link connect} has done it. */
  async greet(): Promise<void> {
    const { helloTimeoutMs } = this.#settings
    const cancelTimeout = deadline(helloTimeoutMs, () => {
      this.#session.disconnect(2)
      this.#session.lost(new SpopError('ERR_SPOP_AGENT_HELLO_TIMEOUT', helloTimeoutMs))
    })
    try {
      await new Promise<void>((resolve, reject) => {
        this.#helloWaiter = { resolve, reject }
        this.#session.greet()
      })
    } finally {
      cancelTimeout()
    }
  }

  /**
   * Sends a NOTIFY and resolves with its ACK. Any number may be in flight, see `window`.
   *
   * Rejects with SpopError ERR_SPOP_ACK_TIMEOUT, ERR_SPOP_QUEUE_FULL, ERR_SPOP_FRAME_TOO_BIG, ERR_SPOP_ENCODE,
   * ERR_SPOP_OPTION, ERR_SPOP_CLIENT_CLOSED; and when the connection ends, with why: ERR_SPOP_AGENT_DISCONNECT or
   * ERR_SPOP_CONNECTION_LOST or the agent's offence, `status` being the SPOP status code.
   */
  notify(messages: SampleMessages, options: NotifyOptions = {}): Promise<Ack> {
    return new Promise((resolve, reject) => {
      const { timeoutMs = this.#settings.timeoutMs, ...given } = options
      checkNumber('timeoutMs', timeoutMs, 1, MAX_TIMER_MS)
      const payload = encodeMessages(toMessages(messages))
      if (!this.#session.open) throw this.#failure ?? new SpopError('ERR_SPOP_CLIENT_CLOSED')
      if (this.#sent.size >= this.#window && this.#queued.size >= this.#settings.maxQueued) {
        throw new SpopError('ERR_SPOP_QUEUE_FULL', this.#queued.size)
      }
      const cancelTimeout = deadline(timeoutMs, () => {
        this.#fail(request, new SpopError('ERR_SPOP_ACK_TIMEOUT', timeoutMs))
        this.#pump()
      })
      const request: Request = { payload, given, ids: undefined, resolve, reject, cancelTimeout }
      this.#queued.add(request)
      this.#pump()
    })
  }

  /** Sends bytes as they are, behind what was sent before: for tests of what an agent makes of them. */
  send(bytes: Uint8Array): void {
    this.#write(Buffer.from(bytes))
  }

  /**
   * Sends HAPROXY-DISCONNECT 0, waits for AGENT-DISCONNECT at most `closeTimeoutMs`, and closes. What is in flight fails
   * with ERR_SPOP_CLIENT_CLOSED. Never rejects; idempotent.
   */
  async close(): Promise<void> {
    const error = new SpopError('ERR_SPOP_CLIENT_CLOSED')
    this.#failure ??= error
    this.#failAll(error)
    this.#session.disconnect()
    const timer = setTimeout(() => this.#session.lost(error), this.#settings.closeTimeoutMs)
    await this.#closed
    clearTimeout(timer)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  /** Sends what waits, as far as the window allows. */
  #pump(): void {
    for (const request of this.#queued) {
      if (this.#sent.size >= this.#window || !this.#session.open) return
      this.#queued.delete(request)
      try {
        request.ids = this.#session.notify(request.payload, request, request.given)
        this.#sent.add(request)
      } catch (error) {
        this.#fail(request, error)
      }
    }
  }

  #fail(request: Request, error: unknown): void {
    request.cancelTimeout()
    this.#queued.delete(request)
    this.#sent.delete(request)
    if (request.ids !== undefined) this.#session.forget(request.ids)
    request.reject(error)
  }

  #failAll(error: SpopError): void {
    for (const request of [...this.#sent, ...this.#queued]) this.#fail(request, error)
  }

  #end(error: SpopError): void {
    this.#failure ??= error
    this.#failAll(this.#failure)
    this.#helloWaiter?.reject(error)
    // The last word, a HAPROXY-DISCONNECT perhaps, is still to be sent, unless the agent does not take it.
    this.#flush()
    this.#socket.destroySoon()
    const timer = setTimeout(() => this.#socket.destroy(), this.#settings.closeTimeoutMs)
    void this.#closed.then(() => clearTimeout(timer))
  }

  /** Everything of one turn leaves in one write. */
  #write(bytes: Buffer): void {
    if (this.#output.push(bytes) === 1) queueMicrotask(() => this.#flush())
  }

  #flush(): void {
    if (this.#output.length === 0) return
    const bytes = this.#output.length === 1 ? this.#output[0]! : Buffer.concat(this.#output)
    this.#output = []
    if (this.#socket.writable) this.#socket.write(bytes)
  }
}
