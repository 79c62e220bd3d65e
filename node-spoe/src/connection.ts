import type { Socket } from 'node:net'
import { Output, type OutputPool } from './output.ts'
import { Session, type SessionContext, type SessionLink } from './session.ts'
import type { StallClock } from './stall-clock.ts'

/** Unsent bytes above which reading stops until the peer has taken them: it gets no more answers to ignore. */
const HIGH_WATER_BYTES = 4 * 1024 * 1024
/** How long a peer may take to close after our last write, milliseconds. */
const LINGER_MS = 1_000

/** One socket and its session. */
export class Connection implements SessionLink {
  readonly #socket: Socket
  readonly #session: Session
  readonly #context: SessionContext
  readonly #pool: OutputPool
  readonly #flushNow = (): void => {
    this.#flushScheduled = false
    this.flush()
  }
  /** HELLO first, later the end of the hold or of the linger: a connection needs one timer at a time. */
  #timer: NodeJS.Timeout
  /** Until the first write after a HELLO: the timer is the HELLO's. */
  #greeting = true
  #flushScheduled = false
  #closing = false
  #held = false

  constructor(
    socket: Socket,
    context: SessionContext,
    pool: OutputPool,
    clock: StallClock,
    onClose: (connection: Connection) => void,
  ) {
    this.#socket = socket
    this.#context = context
    this.#pool = pool
    const { counters } = context.reporter
    this.#session = new Session(context, this, new Output(pool))
    this.#timer = setTimeout(() => this.#session.helloTimeout(), context.settings.helloTimeoutMs).unref()
    socket.on('data', (chunk: Buffer) => {
      counters.bytesIn += chunk.length
      const now = performance.now()
      this.#session.receive(chunk, now, clock.isLate(now))
      // All ACKs of one read leave in one write: that decides the throughput (5.6 -> 0.43 us of CPU per frame).
      this.flush()
    })
    socket.on('drain', () => {
      if (!this.#closing) socket.resume()
    })
    // EOF and RST are how HAProxy closes idle connections; 'close' follows.
    socket.on('error', () => {})
    socket.on('close', () => {
      clearTimeout(this.#timer)
      this.#session.lost()
      onClose(this)
    })
  }

  /** Ends the session once nothing is in flight. */
  drain(): void {
    if (this.#held) this.#end()
    else this.#session.drain()
  }

  destroy(): void {
    this.#socket.destroy()
  }

  flush(): void {
    const { output } = this.#session
    const { length } = output
    if (length === 0 || this.#closing) return
    if (this.#greeting && this.#session.open) {
      this.#greeting = false
      clearTimeout(this.#timer)
    }
    this.#context.reporter.counters.bytesOut += length
    const bytes = output.take()
    const socket = this.#socket
    socket.write(bytes.length === length ? bytes : bytes.subarray(0, length))
    // Zero means that the kernel took it all at once; otherwise the buffer belongs to the socket now.
    const unsent = socket.writableLength
    if (unsent === 0) this.#pool.give(bytes)
    else if (unsent > HIGH_WATER_BYTES) socket.pause()
  }

  scheduleFlush(): void {
    if (this.#flushScheduled) return
    this.#flushScheduled = true
    queueMicrotask(this.#flushNow)
  }

  close(holdMs: number): void {
    if (this.#closing) return
    this.#closing = true
    clearTimeout(this.#timer)
    if (holdMs === 0) {
      this.#end()
      return
    }
    this.#held = true
    this.#socket.pause()
    this.#timer = setTimeout(() => this.#end(), holdMs).unref()
  }

  #end(): void {
    this.#held = false
    clearTimeout(this.#timer)
    const { output } = this.#session
    const { length } = output
    this.#context.reporter.counters.bytesOut += length
    const socket = this.#socket
    socket.end(output.take().subarray(0, length))
    // What still comes is read and dropped: closing on unread bytes would send RST, which overtakes our last frame.
    socket.resume()
    this.#timer = setTimeout(() => socket.destroy(), LINGER_MS).unref()
  }
}
