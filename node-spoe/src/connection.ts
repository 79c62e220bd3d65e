import type { Socket } from 'node:net'
import { READ_BYTES } from './adopt.ts'
import { channels } from './diagnostics.ts'
import { SpopError } from './errors.ts'
import type { Open } from './listener.ts'
import { Output, type OutputPool } from './output.ts'
import { Session, type SessionContext, type SessionOutlet } from './session.ts'
import type { StallClock } from './stall-clock.ts'

/** What one connection may bring in one go, before it is the others' turn, bytes. */
const BURST_BYTES = 4 * READ_BYTES
/** How long a peer may take to close after our last write, milliseconds. */
const LINGER_MS = 1_000

/** One socket and its session. */
export class Connection implements SessionOutlet {
  /** The listener it came from. */
  readonly origin: object
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
  /** Bytes of reads that followed each other without a pause. */
  #burst = 0
  /** Since when the kernel has not taken all of the last write, `performance.now()`; 0 if it has. Nothing is read then. */
  #blockedSince = 0
  /** What is read next has waited for longer than the deadline. */
  #waited = false
  /** Since when the same frame has been incomplete, and the number of frames before it. */
  #partialSince = 0
  #partialFrame = -1
  readonly #written = (): void => {
    if (this.#blockedSince !== 0 && this.#socket.writableLength === 0) this.#unblock()
  }

  constructor(
    open: Open,
    origin: object,
    context: SessionContext,
    pool: OutputPool,
    clock: StallClock,
    onClose: (connection: Connection) => void,
  ) {
    this.origin = origin
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
      session.receive(buffer, now, this.#waited || clock.isLate(now), length)
      this.#waited = false
      // All ACKs of one read leave in one write: that decides the throughput (5.6 -> 0.43 us of CPU per frame).
      this.flush()
      if (length < READ_BYTES) this.#burst = 0
      else if ((this.#burst += length) >= BURST_BYTES) this.#yield()
    })
    this.#socket = socket
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

  /** Now and then: cuts off a peer that has gone, does not read, or does not end what it began. */
  check(now: number): void {
    // Its end has a time of its own.
    if (this.#closing) return
    const { idleTimeoutMs, writeTimeoutMs } = this.#context.settings
    const { partial, frames } = this.#session
    if (!partial) this.#partialFrame = -1
    else if (this.#partialFrame !== frames) {
      this.#partialFrame = frames
      this.#partialSince = now
    }
    if (this.#blockedSince !== 0 && now - this.#blockedSince > writeTimeoutMs) {
      this.#cutOff(new SpopError('ERR_SPOP_SLOW_READER', writeTimeoutMs))
    } else if (partial && now - this.#partialSince > writeTimeoutMs && this.#blockedSince === 0) {
      this.#cutOff(new SpopError('ERR_SPOP_SLOW_WRITER', writeTimeoutMs))
    } else if (now - this.#lastRead > idleTimeoutMs) {
      this.#session.idle()
    }
  }

  /** Ends if nothing has come for `quietMs` and nothing is in flight. */
  drainIfQuiet(now: number, quietMs: number): void {
    if (this.#held) this.#end()
    else if (this.#session.quiet && now - this.#lastRead >= quietMs) this.#session.drain()
  }

  /** Ends as soon as nothing is in flight. */
  drainSoon(): void {
    this.#session.drainSoon()
  }

  /** Closes at once. What is left of the read that is being handled reaches no handler any more. */
  destroy(): void {
    this.#session.lost()
    this.#socket.destroy()
  }

  flush(): void {
    const { output } = this.#session
    const { length } = output
    // While the peer does not read, its answers wait in one place, and are bounded there.
    if (length === 0 || this.#closing || this.#blockedSince !== 0) return
    if (this.#greeting && this.#session.open) {
      this.#greeting = false
      clearTimeout(this.#timer)
    }
    this.#context.reporter.counters.bytesOut += length
    const bytes = output.take()
    const socket = this.#socket
    socket.write(bytes.length === length ? bytes : bytes.subarray(0, length), this.#written)
    // Zero means that the kernel took it all at once; otherwise the buffer belongs to the socket now.
    if (socket.writableLength === 0) this.#pool.give(bytes)
    else this.#block()
  }

  scheduleFlush(): void {
    if (this.#flushScheduled) return
    this.#flushScheduled = true
    queueMicrotask(this.#flushNow)
  }

  #block(): void {
    this.#blockedSince = performance.now()
    this.#socket.pause()
  }

  #unblock(): void {
    this.#waited = performance.now() - this.#blockedSince > this.#context.settings.deadlineMs
    this.#blockedSince = 0
    this.flush()
    if (!this.#closing && this.#blockedSince === 0) this.#socket.resume()
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

  /** Lets the other connections have their turn. */
  #yield(): void {
    this.#burst = 0
    this.#socket.pause()
    setImmediate(() => {
      if (!this.#closing && this.#blockedSince === 0) this.#socket.resume()
    })
  }

  #cutOff(error: SpopError): void {
    this.#context.reporter.counters.slowPeersClosed++
    this.#context.reporter.report(error)
    this.destroy()
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
