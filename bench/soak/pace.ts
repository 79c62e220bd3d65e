import { connect, type Socket } from 'node:net'
import { createHistogram } from 'node:perf_hooks'

/** What came of it. */
export interface PaceResult {
  /** Requests that were due. */
  readonly due: number
  /** Answers with status 200. */
  readonly allowed: number
  /** Other answers. */
  readonly refused: number
  /** Requests whose connection ended, or that nobody answered until the end. */
  readonly broken: number
  /** Due, but without a free connection until the end: more than the machine could carry. */
  readonly unsent: number
  /** Milliseconds from when a request was due, not from when there was room for it. */
  readonly latencyMs: { readonly p50: number; readonly p99: number; readonly p999: number; readonly max: number }
}

export interface PaceOptions {
  readonly port: number
  readonly perSecond: number
  readonly connections: number
  readonly headers: Readonly<Record<string, string>>
  /** Paths that requests take in turn. */
  readonly paths: readonly string[]
}

const TICK_MS = 1
const DRAIN_MS = 2_000
const END = '\r\n\r\n'

/**
 * HTTP requests at a constant rate, whatever the answers do (open loop), over connections that are kept and have one
 * request each. wrk cannot: it waits for answers.
 */
export class Pace {
  readonly #options: PaceOptions
  readonly #requests: readonly Buffer[]
  readonly #idle: Client[] = []
  readonly #clients = new Set<Client>()
  readonly #latency = createHistogram()
  readonly #startedAt = performance.now()
  #timer: NodeJS.Timeout | undefined
  #stopped = false
  #due = 0
  #sent = 0
  allowed = 0
  refused = 0

  constructor(options: PaceOptions) {
    this.#options = options
    const headers = Object.entries(options.headers).map(([name, value]) => `${name}: ${value}\r\n`)
    this.#requests = options.paths.map((path) => Buffer.from(`GET ${path} HTTP/1.1\r\n${headers.join('')}\r\n`))
    for (let i = 0; i < options.connections; i++) this.#open()
    this.#timer = setInterval(() => this.#tick(), TICK_MS)
  }

  /** Sends no more, and waits for the answers that are still out. */
  async stop(): Promise<PaceResult> {
    this.#stopped = true
    const until = performance.now() + DRAIN_MS
    while (this.#idle.length < this.#clients.size && performance.now() < until) {
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    clearInterval(this.#timer)
    const { allowed, refused } = this
    const broken = this.#sent - allowed - refused
    const unsent = this.#due - this.#sent
    for (const client of this.#clients) client.socket.destroy()
    const at = (percentile: number): number => this.#latency.percentile(percentile) / 1000
    const latencyMs = { p50: at(50), p99: at(99), p999: at(99.9), max: this.#latency.max / 1000 }
    return { due: this.#due, allowed, refused, broken, unsent, latencyMs }
  }

  #tick(): void {
    if (!this.#stopped) {
      this.#due = Math.floor(((performance.now() - this.#startedAt) * this.#options.perSecond) / 1000)
    }
    for (let client = this.#next(); client !== undefined; client = this.#next()) {
      client.dueAt = this.#startedAt + (this.#sent * 1000) / this.#options.perSecond
      client.socket.write(this.#requests[this.#sent++ % this.#requests.length] ?? '')
    }
  }

  #next(): Client | undefined {
    return this.#sent < this.#due ? this.#idle.pop() : undefined
  }

  #open(): void {
    const client: Client = { socket: connect(this.#options.port, '127.0.0.1'), dueAt: Number.NaN, text: '' }
    this.#clients.add(client)
    client.socket.setNoDelay(true)
    client.socket.once('connect', () => this.#idle.push(client))
    client.socket.on('data', (chunk) => this.#receive(client, chunk))
    client.socket.once('error', () => client.socket.destroy())
    client.socket.once('close', () => this.#closed(client))
  }

  #receive(client: Client, chunk: Buffer): void {
    client.text += chunk.toString('latin1')
    if (!client.text.endsWith(END)) return
    const status = client.text.slice(9, 12)
    client.text = ''
    this.#latency.record(Math.max(1, Math.round((performance.now() - client.dueAt) * 1000)))
    client.dueAt = Number.NaN
    if (status === '200') {
      this.allowed++
      this.#idle.push(client)
      this.#tick()
    } else {
      this.refused++
      client.socket.destroy()
    }
  }

  #closed(client: Client): void {
    this.#clients.delete(client)
    const at = this.#idle.indexOf(client)
    if (at >= 0) this.#idle.splice(at, 1)
    // Not at once: what refuses connections must not be asked again in a loop.
    if (!this.#stopped) setTimeout(() => this.#stopped || this.#open(), 100)
  }
}

interface Client {
  readonly socket: Socket
  /** When its request was due; NaN without one. */
  dueAt: number
  /** What has come of an answer. */
  text: string
}
