import { type Server, type Socket, createServer } from 'node:net'
import {
  type SecureContextOptions,
  type Server as TlsServer,
  type TLSSocket,
  createServer as createTlsServer,
} from 'node:tls'
import { adopt, type OnRead, read } from './adopt.ts'
import { formatTcp, parseAddress } from './address.ts'
import { type AllowList, compileAllowList } from './allow-list.ts'
import type { ListenOptions } from './api.ts'
import { SpopError } from './errors.ts'
import { systemdSockets } from './systemd.ts'
import { type PublishedSocket, publish } from './unix-socket.ts'

/** Enough for a burst of one connection per concurrent request; the kernel caps it at net.core.somaxconn. */
const BACKLOG = 4_096
/** After this much silence the kernel asks whether the peer's host still lives, milliseconds. */
const KEEP_ALIVE_MS = 60_000

/** Starts to read a connection; what it returns is the socket to write to. */
export type Open = (onRead: OnRead) => Socket

/** What a listener asks of the agent. */
export interface ListenerHost {
  /** Whether another connection fits; refuses the socket itself if not. One that fits counts from then on. */
  admit(socket: Socket): boolean
  /** A peer that is not on the allow-list. */
  reject(socket: Socket): void
  /** A connection that may talk: in clear text, or once its TLS handshake is complete. */
  accepted(open: Open, listener: Listener): void
  /** An admitted connection that failed before it could talk. */
  handshakeFailed(error: unknown): void
  /** The system refused to accept. */
  acceptFailed(error: unknown): void
  /** Milliseconds for a TLS handshake. */
  readonly handshakeTimeoutMs: number
}

/** The listening sockets of one address: one, or with systemd as many as it hands over. */
export class Listener {
  /** As it was asked for. */
  readonly address: string
  readonly #host: ListenerHost
  readonly #tls: TlsServer | undefined
  readonly #allow: AllowList | undefined
  readonly #servers: Server[] = []
  /** Sockets under TLS, whose handshake may never end. */
  readonly #raw = new Set<Socket>()
  #published: PublishedSocket | undefined = undefined
  #closed = false

  /** @throws SpopError ERR_SPOP_ALLOW; what `tls.createSecureContext` throws for a bad certificate or key */
  constructor(host: ListenerHost, { address, tls, allow }: ListenOptions) {
    this.address = address
    this.#host = host
    this.#allow = allow === undefined ? undefined : compileAllowList(allow)
    if (tls === undefined) return
    this.#tls = createTlsServer({ handshakeTimeout: host.handshakeTimeoutMs, ...tls }, (socket) =>
      host.accepted((onRead) => read(socket, onRead), this),
    )
    this.#tls.on('tlsClientError', (error: Error, socket: TLSSocket) => {
      socket.destroy()
      host.handshakeFailed(new SpopError('ERR_SPOP_TLS', error.message))
    })
  }

  /**
   * Binds, and returns the bound addresses in the form they were asked for, ports filled in.
   *
   * @throws SpopError ERR_SPOP_ADDRESS, ERR_SPOP_PATH, ERR_SPOP_ADDRESS_IN_USE, ERR_SPOP_SYSTEMD; errors of the system
   */
  async open({ address, mode }: ListenOptions): Promise<string[]> {
    const target = parseAddress(address)
    if (target.kind === 'unix' && this.#allow !== undefined) throw new SpopError('ERR_SPOP_LISTEN', 'allow', address)
    if (target.kind === 'unix' && this.#tls !== undefined) throw new SpopError('ERR_SPOP_LISTEN', 'tls', address)
    if (target.kind !== 'unix' && mode !== undefined) throw new SpopError('ERR_SPOP_LISTEN', 'mode', address)
    switch (target.kind) {
      case 'unix':
        this.#published = await publish(target.path, mode, (path) => this.#listen({ path }))
        if (this.#closed) {
          await this.#published.remove()
          throw new SpopError('ERR_SPOP_CLOSED')
        }
        return [address]
      case 'systemd':
        return Promise.all(systemdSockets(target.name).map(async (fd) => boundAddress(await this.#listen({ fd }))))
      case 'tcp':
        try {
          return [boundAddress(await this.#listen({ host: target.host, port: target.port }))]
        } catch (error) {
          if (!(error instanceof Error && 'code' in error && error.code === 'EADDRINUSE')) throw error
          throw new SpopError('ERR_SPOP_ADDRESS_IN_USE', address, 'another process listens on it')
        }
    }
  }

  get speaksTls(): boolean {
    return this.#tls !== undefined
  }

  /** Only with {@link speaksTls}. @throws what `tls.createSecureContext` throws; the former context stays then */
  replaceTls(tls: SecureContextOptions): void {
    this.#tls?.setSecureContext(tls)
  }

  /** Stops listening; resolves when the last connection has gone. */
  async close(): Promise<void> {
    this.#closed = true
    const closed = this.#servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve())))
    await this.#published?.remove()
    await Promise.all(closed)
  }

  destroyHandshakes(): void {
    for (const socket of this.#raw) socket.destroy()
  }

  #listen(where: { path: string } | { fd: number } | { host: string; port: number }): Promise<Server> {
    const options = { noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS, pauseOnConnect: true }
    const server = createServer(options, (socket) => this.#accept(socket))
    this.#servers.push(server)
    return new Promise((resolve, reject) => {
      server.once('error', reject)
      // A server that is closed before it listens says neither "listening" nor "error".
      server.once('close', () => reject(new SpopError('ERR_SPOP_CLOSED')))
      server.listen({ ...where, backlog: BACKLOG }, () => {
        server.off('error', reject)
        server.on('error', (error) => this.#host.acceptFailed(error))
        if (this.#closed) reject(new SpopError('ERR_SPOP_CLOSED'))
        else resolve(server)
      })
    })
  }

  #accept(socket: Socket): void {
    if (this.#allow !== undefined && !this.#allow(socket.remoteAddress)) this.#host.reject(socket)
    else if (!this.#host.admit(socket)) return
    else if (this.#tls === undefined) this.#host.accepted((onRead) => adopt(socket, onRead), this)
    else {
      this.#raw.add(socket)
      socket.once('close', () => this.#raw.delete(socket))
      this.#tls.emit('connection', socket)
    }
  }
}

function boundAddress(server: Server): string {
  const bound = server.address()
  if (bound === null) throw new SpopError('ERR_SPOP_CLOSED')
  return typeof bound === 'string' ? `unix://${bound}` : formatTcp(bound.address, bound.port)
}
