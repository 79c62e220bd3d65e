import type { Socket } from 'node:net'
import { channels } from './diagnostics.ts'
import { SpopError } from './errors.ts'
import type { Open } from './listener.ts'
import { Output, type OutputPool } from './output.ts'
import { Session, type SessionContext, type SessionOutlet } from './session.ts'
import type { StallClock } from './stall-clock.ts'

/** Unsent bytes above which reading stops until the peer has taken them: it gets no more answers to ignore. */
const HIGH_WATER_BYTES = 4 * 1024 * 1024
/** How long a peer may take to close after our last write, milliseconds. */
const LINGER_MS = 1_000

/** One socket and its session. */
export class Connection implements SessionOutlet {
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
  /** `performance.now()` of the last read. */
  #lastRead = performance.now()
  /** The byte of the stream that a slow peer has to have taken by `#takeBy`; 0 while it is not slow. */
  #owedUpTo = 0
  #takeBy = 0

  constructor(
    open: Open,
    context: SessionContext,
    pool: OutputPool,
    clock: StallClock,
    onClose: (connection: Connection) => void,
  ) {
    this.#context = context
    this.#pool = pool
    const { counters } = context.reporter
    const session = new Session(context, this, new Output(pool))
    this.#session = session
    this.#timer = setTimeout(() => session.helloTimeout(), context.settings.helloTimeoutMs).unref()
    const socket = open((buffer, length) => {
      counters.bytesIn += length
      const now = performance.now()
      this.#lastRead = now
      session.receive(buffer, now, clock.isLate(now), length)
      // All ACKs of one read leave in one write: that decides the throughput (5.6 -> 0.43 us of CPU per frame).
      this.flush()
    })
    this.#socket = socket
    socket.on('drain', () => {
      if (!this.#closing) socket.resume()
    })
    // EOF and RST are how HAProxy closes idle connections; 'close' follows.
    socket.on('error', () => {})
    const { remoteAddress, remotePort } = socket
    socket.on('close', () => {
      clearTimeout(this.#timer)
      session.lost()
      if (channels.close.hasSubscribers) {
        channels.close.publish({ connection: session.id, bytesIn: socket.bytesRead, bytesOut: socket.bytesWritten })
      }
      onClose(this)
    })
    if (channels.open.hasSubscribers) channels.open.publish({ connection: session.id, remoteAddress, remotePort })
  }

  /** Now and then: cuts off a peer that has gone or does not read. */
  check(now: number): void {
    const { idleTimeoutMs, writeTimeoutMs } = this.#context.settings
    const { bytesWritten, writableLength } = this.#socket
    if (writableLength === 0 || bytesWritten - writableLength >= this.#owedUpTo) this.#owedUpTo = 0
    if (writableLength > 0 && this.#owedUpTo === 0) {
      this.#owedUpTo = bytesWritten
      this.#takeBy = now + writeTimeoutMs
    } else if (writableLength > 0 && now > this.#takeBy) {
      this.#context.reporter.counters.slowPeersClosed++
      this.#context.reporter.report(new SpopError('ERR_SPOP_SLOW_READER', writeTimeoutMs))
      this.destroy()
    } else if (now - this.#lastRead > idleTimeoutMs) {
      this.#session.idle()
    }
  }

  /** Ends if nothing has come for `quietMs` and nothing is in flight. */
  drainIfQuiet(now: number, quietMs: number): void {
    if (this.#held) this.#end()
    else if (this.#session.pending === 0 && now - this.#lastRead >= quietMs) this.#session.drain()
  }

  /** Ends as soon as nothing is in flight. */
  drainSoon(): void {
    this.#session.drainSoon()
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
