import { SpopError } from './errors.ts'
import type { Dispatcher } from './dispatcher.ts'
import type { AckTarget } from './exchange.ts'
import type { Settings } from './options.ts'
import type { Output } from './output.ts'
import { type ActionWriter, ackSize, writeAck } from './protocol/ack.ts'
import { encodeAgentDisconnect, readHaproxyDisconnect } from './protocol/disconnect.ts'
import { DEFAULT_MAX_FRAME_SIZE, FLAG_ABORT, FLAG_FIN, FrameHeader, FrameType } from './protocol/frame.ts'
import { encodeAgentHello, readHaproxyHello } from './protocol/hello.ts'
import { STATUS_NORMAL, STATUS_UNKNOWN } from './protocol/status.ts'
import { Cursor } from './protocol/varint.ts'
import type { Reporter } from './report.ts'
import { type FrameSink, FrameSplitter } from './splitter.ts'

/** What the sessions of one agent share. */
export interface SessionContext {
  readonly settings: Settings
  readonly reporter: Reporter
  readonly dispatcher: Dispatcher
  /** Set while the agent drains: health checks fail from then on. */
  draining: boolean
}

/** What a session asks of the connection under it. */
export interface SessionLink {
  /** Send the output now, in a write of its own. */
  flush(): void
  /** Output came outside of receive(): send it once this turn's other ACKs have joined it. */
  scheduleFlush(): void
  /** Send the output, after holding it back for `holdMs`, and close. */
  close(holdMs: number): void
}

/** Statuses with which HAProxy says no more than that it has stopped needing the connection (SPOE.txt 3.2.9). */
const HARMLESS = new Set([0, 1, 2])

/**
 * One connection, bytes in and bytes out.
 *
 *   hello --HAPROXY-HELLO--> open --error, DISCONNECT, drain--> closed
 *     \------healthcheck---> checked
 */
export class Session implements AckTarget, FrameSink {
  readonly output: Output
  maxFrameSize: number
  frameLimit: number
  pending = 0
  readonly #context: SessionContext
  readonly #link: SessionLink
  readonly #splitter = new FrameSplitter()
  readonly #cursor = new Cursor()
  readonly #header = new FrameHeader()
  #state: 'hello' | 'checked' | 'open' | 'closed' = 'hello'
  #draining = false
  #receiving = false
  #now = 0
  #late = false

  constructor(context: SessionContext, link: SessionLink, output: Output) {
    this.#context = context
    this.#link = link
    this.output = output
    this.maxFrameSize = Math.min(context.settings.maxFrameSize, DEFAULT_MAX_FRAME_SIZE)
    this.frameLimit = this.maxFrameSize
  }

  get open(): boolean {
    return this.#state === 'open'
  }

  /**
   * Takes what was read; answers of synchronous handlers are in `output` when it returns. Never throws.
   * @param now when it was read, `performance.now()`
   * @param late whether it may have waited for longer than the deadline before that, see StallClock
   */
  receive(chunk: Buffer, now: number, late = false): void {
    if (this.#state === 'closed') return
    this.#receiving = true
    this.#now = now
    this.#late = late
    try {
      this.#splitter.push(chunk, this)
    } catch (error) {
      this.#fail(error)
    }
    this.#receiving = false
  }

  frame(buffer: Buffer, start: number, end: number): boolean {
    const cursor = this.#cursor
    const header = this.#header
    cursor.reset(buffer, start, end)
    header.read(cursor)
    this.#context.reporter.counters.framesIn++
    if (this.#state === 'open') this.#openFrame(buffer)
    else if (this.#state === 'hello') this.#firstFrame()
    else return false
    return this.#isAlive()
  }

  sendAck(ids: Uint8Array, idsStart: number, idsEnd: number, actions: ActionWriter): void {
    const { output } = this
    const bytes = output.reserve(ackSize(idsEnd - idsStart, actions.length))
    output.length = writeAck(bytes, output.length, ids, idsStart, idsEnd, actions)
    this.#context.reporter.counters.framesOut++
    if (this.#draining && this.pending === 0) this.#end(STATUS_NORMAL, 0)
    else if (!this.#receiving) this.#link.scheduleFlush()
  }

  /** No HELLO in time, or a health check that HAProxy did not close. */
  helloTimeout(): void {
    if (this.#state === 'checked') {
      this.#state = 'closed'
      this.#link.close(0)
    } else if (this.#state === 'hello') {
      const error = new SpopError('ERR_SPOP_HELLO_TIMEOUT', this.#context.settings.helloTimeoutMs)
      this.#context.reporter.protocolError(error)
      this.#end(error.status ?? STATUS_UNKNOWN, 0)
    }
  }

  /** Ends the session with AGENT-DISCONNECT 0 as soon as nothing is in flight. */
  drain(): void {
    this.#draining = true
    if (this.#state === 'checked') {
      this.#state = 'closed'
      this.#link.close(0)
    } else if (this.#state !== 'closed' && this.pending === 0) {
      this.#end(STATUS_NORMAL, 0)
    }
  }

  /** The connection is gone. Answers still to come are dropped. */
  lost(): void {
    this.#state = 'closed'
  }

  #isAlive(): boolean {
    return this.#state !== 'closed'
  }

  #firstFrame(): void {
    const { type } = this.#header
    if (type === FrameType.HAPROXY_DISCONNECT) {
      this.#haproxyDisconnect()
      return
    }
    if (type !== FrameType.HAPROXY_HELLO) throw new SpopError('ERR_SPOP_UNEXPECTED_FRAME', type, 'before HAPROXY-HELLO')
    this.#requireFin()
    this.#header.requireNoIds(this.#cursor)
    const hello = readHaproxyHello(this.#cursor)
    if (hello.healthcheck) this.#context.reporter.counters.healthChecks++
    if (hello.healthcheck && this.#context.draining) {
      this.#end(STATUS_NORMAL, 0)
      return
    }
    this.maxFrameSize = Math.min(hello.maxFrameSize, this.#context.settings.maxFrameSize)
    this.frameLimit = this.maxFrameSize
    this.#state = hello.healthcheck ? 'checked' : 'open'
    this.output.append(encodeAgentHello(this.maxFrameSize))
    this.#context.reporter.counters.framesOut++
    // HAProxy 3.2+ fails on an AGENT-HELLO that does not arrive whole and by itself.
    this.#link.flush()
  }

  #openFrame(buffer: Buffer): void {
    const header = this.#header
    switch (header.type) {
      case FrameType.NOTIFY:
        this.#requireFin()
        // An aborted frame is to be forgotten (SPOE.txt 3.2.1), but HAProxy may still count on one ACK per NOTIFY.
        if ((header.flags & FLAG_ABORT) !== 0) this.#cursor.position = this.#cursor.end
        this.#context.dispatcher.notify(
          this,
          this.#cursor,
          buffer,
          header.idsStart,
          header.idsEnd,
          this.#now,
          this.#late,
        )
        return
      case FrameType.HAPROXY_DISCONNECT:
        this.#haproxyDisconnect()
        return
      case FrameType.UNSET:
        throw new SpopError('ERR_SPOP_INTERLACED')
      case FrameType.HAPROXY_HELLO:
      case FrameType.AGENT_HELLO:
      case FrameType.AGENT_DISCONNECT:
      case FrameType.ACK:
        throw new SpopError('ERR_SPOP_UNEXPECTED_FRAME', header.type, 'from HAProxy on an open connection')
      default:
      // "Unknown frames may be silently skipped" (SPOE.txt 3.2.2).
    }
  }

  #requireFin(): void {
    if ((this.#header.flags & FLAG_FIN) === 0) throw new SpopError('ERR_SPOP_FRAGMENT', this.#header.type)
  }

  #haproxyDisconnect(): void {
    this.#requireFin()
    this.#header.requireNoIds(this.#cursor)
    const { status, message } = readHaproxyDisconnect(this.#cursor)
    if (!HARMLESS.has(status)) {
      this.#context.reporter.report(new SpopError('ERR_SPOP_PEER_DISCONNECT', status, message))
    }
    this.#end(STATUS_NORMAL, 0)
  }

  #fail(error: unknown): void {
    const known = error instanceof SpopError ? error : undefined
    this.#context.reporter.protocolError(error)
    // A refused HELLO makes HAProxy up to 3.0 reconnect at once and without end; holding the socket slows it down.
    const holdMs = this.#state === 'hello' ? this.#context.settings.refusalDelayMs : 0
    this.#end(known?.status ?? STATUS_UNKNOWN, holdMs)
  }

  #end(status: number, holdMs: number): void {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    this.output.append(encodeAgentDisconnect(status))
    this.#context.reporter.counters.framesOut++
    this.#link.close(holdMs)
  }
}
