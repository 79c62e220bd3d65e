import type { SpopError } from '../errors.ts'
import type { Ack } from './ack.ts'
import { LatencyHistogram, type LatencySummary } from './latency.ts'
import type { LoadConnection, LoadRun } from './load-connection.ts'
import type { LoadSettings } from './load-options.ts'

/** What came of a load. `sent` = `answered` + `timeouts` + `lost` + `unanswered`. */
export interface LoadResult {
  /** NOTIFYs. */
  readonly sent: number
  readonly answered: number
  /** No ACK within `timeoutMs`. */
  readonly timeouts: number
  /** In flight when their connection ended. */
  readonly lost: number
  /** In flight when the load was aborted. */
  readonly unanswered: number
  /** With a `rate`: due, but not sent by the end, because all windows were full. */
  readonly unsent: number
  /** ACKs with ABORT, among those answered. */
  readonly aborted: number
  /** ACKs after the timeout. */
  readonly lateAcks: number
  /** ACKs that answer nothing in flight, or without FIN. */
  readonly unexpectedAcks: number
  readonly connectionsLost: number
  /** From the first NOTIFY to the last ACK, milliseconds. */
  readonly durationMs: number
  /** Answers per second. */
  readonly perSecond: number
  /** Milliseconds, of those answered: from the sending, or with a `rate` from when it should have been. */
  readonly latencyMs: LatencySummary
  readonly bytesOut: number
  readonly bytesIn: number
  /** The first answer, to see what the agent says. */
  readonly firstAck: Ack | undefined
  /** The first ten of what went wrong. */
  readonly errors: readonly SpopError[]
}

/** Further away than this, the clock need not be watched. */
const SLEEP_ABOVE_MS = 2
/** How late an abort or the end may be noticed. */
const MAX_SLEEP_MS = 20
const POLL_MS = 5

/** The clock and the counts of one load. */
export class Run implements LoadRun {
  readonly connections: LoadConnection[] = []
  readonly latency = new LatencyHistogram()
  readonly errors: SpopError[] = []
  readonly offer: LoadRun['offer']
  readonly timeoutMs: number
  sent = 0
  answered = 0
  aborted = 0
  timeouts = 0
  lateAcks = 0
  unexpectedAcks = 0
  lost = 0
  connectionsLost = 0
  bytesIn = 0
  bytesOut = 0
  firstAck: Ack | undefined = undefined
  lastAckAt = 0
  readonly #count: number
  readonly #durationMs: number
  /** Between two NOTIFYs; 0 without a rate. */
  readonly #stepMs: number
  #startAt = 0
  #endAt = 0
  #finishedAt = 0
  #next = 0
  #sweptAt = 0
  /** Connections may be open before the start, and with a rate NOTIFYs may be due after the end. */
  #running = false
  #stoppedAt = 0
  #aborted = false

  constructor(settings: LoadSettings) {
    this.offer = settings.offer
    this.timeoutMs = settings.timeoutMs
    const { rate, durationMs, count } = settings
    this.#durationMs = durationMs
    this.#stepMs = 1_000 / rate
    this.#count = rate === Infinity ? count : Math.min(count, Math.ceil((durationMs * rate) / 1_000))
  }

  take(now: number): number {
    if (!this.#running || this.sent >= this.#count) return -1
    // By multiplication: a sum of steps would drift.
    const dueAt = this.#stepMs > 0 ? this.#startAt + this.sent * this.#stepMs : now
    if (dueAt > now || (this.#stepMs === 0 && now >= this.#endAt)) return -1
    this.sent++
    return dueAt
  }

  /** Resolves when the last NOTIFY has been answered or given up. */
  async go(signal: AbortSignal | undefined): Promise<void> {
    this.#startAt = performance.now()
    this.#endAt = this.#startAt + this.#durationMs
    this.#running = true
    const onAbort = (): void => {
      this.#aborted = true
    }
    signal?.addEventListener('abort', onAbort, { once: true })
    const ticker = setInterval(() => this.#sweep(), Math.max(1, Math.min(10, this.timeoutMs / 4)))
    if (this.#stepMs > 0) await this.#paced()
    else for (const connection of this.connections) connection.fill(this.#startAt)
    while (!this.#over()) await sleep(POLL_MS)
    this.#finishedAt = this.answered > 0 ? this.lastAckAt : performance.now()
    clearInterval(ticker)
    signal?.removeEventListener('abort', onAbort)
  }

  result(): LoadResult {
    const durationMs = this.#finishedAt - this.#startAt
    const untilStop = Math.ceil((this.#stoppedAt - this.#startAt) / this.#stepMs)
    const due = this.#stoppedAt < this.#endAt ? Math.min(this.#count, untilStop) : this.#count
    const { sent, answered, timeouts, lost } = this
    return {
      sent,
      answered,
      timeouts,
      lost,
      unanswered: sent - answered - timeouts - lost,
      unsent: this.#stepMs > 0 ? Math.max(0, due - sent) : 0,
      aborted: this.aborted,
      lateAcks: this.lateAcks,
      unexpectedAcks: this.unexpectedAcks,
      connectionsLost: this.connectionsLost,
      durationMs,
      perSecond: durationMs > 0 ? (answered * 1_000) / durationMs : 0,
      latencyMs: this.latency.summary(),
      bytesOut: this.bytesOut,
      bytesIn: this.bytesIn,
      firstAck: this.firstAck,
      errors: this.errors,
    }
  }

  /** Sends by the clock, to the connections in turn. */
  async #paced(): Promise<void> {
    for (;;) {
      const now = performance.now()
      let connection = this.#ready()
      while (connection !== undefined) {
        const dueAt = this.take(now)
        if (dueAt < 0) break
        connection.stage(dueAt)
        connection = this.#ready()
      }
      for (const each of this.connections) each.flush()
      if (this.#aborted || this.sent >= this.#count || now >= this.#endAt || this.#dead()) break
      const waitMs = this.#startAt + this.sent * this.#stepMs - now
      await (waitMs > SLEEP_ABOVE_MS ? sleep(Math.min(waitMs - 1, this.#endAt - now, MAX_SLEEP_MS)) : turn())
    }
    // What is still due found no room, and is not to be sent once the time is up.
    this.#running = false
    this.#stoppedAt = Math.min(performance.now(), this.#endAt)
  }

  /** The next connection in turn whose window has room. */
  #ready(): LoadConnection | undefined {
    for (let i = 0; i < this.connections.length; i++) {
      const connection = this.connections[this.#next++ % this.connections.length]!
      if (connection.ready) return connection
    }
    return undefined
  }

  #sweep(): void {
    const now = performance.now()
    for (const connection of this.connections) {
      // By the clock of the sweep before: what came while this process stood still has been read since.
      connection.sweep(this.#sweptAt)
      if (!this.#aborted) connection.fill(now)
    }
    this.#sweptAt = now
  }

  #over(): boolean {
    if (this.#aborted || this.#dead()) return true
    const done = this.sent >= this.#count || performance.now() >= this.#endAt
    return done && this.connections.every((connection) => connection.inFlight === 0)
  }

  #dead(): boolean {
    return this.connections.every((connection) => connection.closed)
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
