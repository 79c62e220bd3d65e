import {
  type ClientHttp2Session,
  connect,
  createSecureServer,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2'
import type { AddressInfo } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { ProxyTls } from './credentials.ts'
import { type Answer, give, ownHeaders, refuse, UNAVAILABLE } from './grpc-answer.ts'
import type { Injection } from './injection.ts'

/** Answers that are never given are given up after this many milliseconds: the client's deadline has passed. */
const LATE_MS = 8_000

/** Headers of one HTTP/2 hop that do not go to the next one. */
const HOP = new Set([':scheme', ':authority', 'connection', 'te', 'authorization', 'date'])

/** What has been seen of clients. */
export interface Seen {
  calls: number
  injected: number
  /** Calls that were passed on untouched, by their namespace. */
  readonly passed: Map<string, number>
  /** Subjects of client certificates and API keys, of the calls since {@link GrpcProxy.forget}. */
  readonly clients: Set<string>
  readonly apiKeys: Set<string>
}

/**
 * A gRPC server before Temporal that passes unary calls on as they are, except for what {@link inject} says. HTTP/2 by
 * hand: the proxy knows no messages, and can hold back, lose and cut what gRPC's own server cannot.
 */
export class GrpcProxy {
  readonly port: number
  readonly seen: Seen = { calls: 0, injected: 0, passed: new Map(), clients: new Set(), apiKeys: new Set() }
  readonly #server: ReturnType<typeof createSecureServer>
  readonly #target: string
  readonly #sessions = new Set<ServerHttp2Session>()
  #upstream: ClientHttp2Session | undefined
  #inject: (path: string, namespace: string) => Injection = () => 'none'
  #apiKeys: ReadonlySet<string> | undefined

  private constructor(server: ReturnType<typeof createSecureServer>, target: string) {
    this.#server = server
    this.#target = target
    this.port = (server.address() as AddressInfo).port
    server.on('session', (session) => {
      this.#sessions.add(session)
      session.on('close', () => this.#sessions.delete(session))
      session.on('error', () => undefined)
    })
    server.on('stream', (stream, headers) => this.#serve(stream, headers))
  }

  /** @param target `host:port` of Temporal, in clear text */
  static async start(tls: ProxyTls, target: string): Promise<GrpcProxy> {
    const server = createSecureServer({ ...tls, requestCert: true, rejectUnauthorized: true })
    server.on('error', () => undefined)
    server.on('sessionError', () => undefined)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return new GrpcProxy(server, target)
  }

  get address(): string {
    return `127.0.0.1:${this.port}`
  }

  /** Asked for each call from now on, with the path of its method and its namespace. */
  inject(choose: (path: string, namespace: string) => Injection): void {
    this.#inject = choose
  }

  /** Passes everything on as it is. */
  heal(): void {
    this.#inject = () => 'none'
  }

  /** The certificate of handshakes from now on. */
  use(tls: ProxyTls): void {
    this.#server.setSecureContext(tls)
  }

  /** Calls with other keys are refused; undefined: none is. */
  accept(apiKeys: ReadonlySet<string> | undefined): void {
    this.#apiKeys = apiKeys
  }

  /** Cuts all connections at once. */
  cut(): void {
    for (const session of this.#sessions) session.destroy()
  }

  forget(): void {
    this.seen.clients.clear()
    this.seen.apiKeys.clear()
  }

  close(): void {
    this.#server.close()
    this.cut()
    this.#upstream?.destroy()
  }

  #serve(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    stream.on('error', () => undefined)
    const chunks: Buffer[] = []
    stream.on('data', (chunk: Buffer) => chunks.push(chunk))
    stream.on('end', () => this.#handle(stream, headers, Buffer.concat(chunks)))
  }

  #handle(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, body: Buffer): void {
    const { seen } = this
    const key = String(headers['authorization'] ?? '').replace(/^Bearer /, '')
    seen.calls++
    seen.clients.add((stream.session?.socket as TLSSocket | undefined)?.getPeerX509Certificate?.()?.subject ?? '')
    seen.apiKeys.add(key)
    if (this.#apiKeys?.has(key) === false) return refuse(stream, { code: 16 })
    const namespace = String(headers['temporal-namespace'] ?? '')
    const injection = this.#inject(String(headers[':path']), namespace)
    if (injection === 'none') seen.passed.set(namespace, (seen.passed.get(namespace) ?? 0) + 1)
    else seen.injected++
    if (typeof injection === 'object' && 'code' in injection) return refuse(stream, injection)
    if (injection === 'cut-before') return stream.session?.destroy()
    this.#forward(headers, body, (answer) => {
      if (injection === 'none') return give(stream, answer)
      if (injection === 'cut-after') return stream.session?.destroy()
      const timer = setTimeout(() => give(stream, answer), injection === 'late' ? LATE_MS : injection.slowMs)
      timer.unref()
    })
  }

  #forward(headers: IncomingHttpHeaders, body: Buffer, done: (answer: Answer) => void): void {
    const answer: Answer = { headers: {}, trailers: undefined, body: [] }
    const passed = Object.entries(headers).filter(([name]) => !HOP.has(name))
    let over = false
    const end = (failed: boolean): void => {
      if (over) return
      over = true
      done(failed ? UNAVAILABLE : answer)
    }
    const request = this.#session().request({ ...Object.fromEntries(passed), te: 'trailers' })
    request.on('response', (received) => (answer.headers = ownHeaders(received)))
    request.on('trailers', (received) => (answer.trailers = ownHeaders(received)))
    request.on('data', (chunk: Buffer) => answer.body.push(chunk))
    request.on('error', () => end(true))
    request.on('end', () => end(answer.headers[':status'] === undefined))
    request.on('close', () => end(true))
    request.end(body)
  }

  #session(): ClientHttp2Session {
    const open = this.#upstream
    if (open !== undefined && !open.closed && !open.destroyed) return open
    const session = connect(`http://${this.#target}`)
    session.on('error', () => undefined)
    session.unref()
    return (this.#upstream = session)
  }
}
