import { AckGate } from './ack-gate.ts'
import type { FallbackCause } from './api.ts'
import type { Dispatcher } from './dispatcher.ts'
import { channels } from './diagnostics.ts'
import { SpopError } from './errors.ts'
import type { AckTarget } from './exchange.ts'
import type { Settings } from './options.ts'
import type { Output } from './output.ts'
import type { ActionWriter } from './protocol/ack.ts'
import { encodeAgentDisconnect, readHaproxyDisconnect } from './protocol/disconnect.ts'
import { DEFAULT_MAX_FRAME_SIZE, FLAG_ABORT, FLAG_FIN, FrameHeader, FrameType } from './protocol/frame.ts'
import { encodeAgentHello, readHaproxyHello } from './protocol/hello.ts'
import { STATUS_NORMAL, STATUS_UNKNOWN } from './protocol/status.ts'
import { Cursor } from './protocol/varint.ts'
import { Reassembly } from './reassembly.ts'
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
export interface SessionOutlet {
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
 * What may wait to be sent, in bytes or in frames of the agreed size, whichever is more; further NOTIFYs of the same read
 * get an empty ACK. HAProxy has no more open than that; without a bound, 64 KiB of the smallest NOTIFYs could ask for
 * hundreds of MiB.
 */
const CONGESTED_BYTES = 65_536
const CONGESTED_FRAMES = 20

const LENGTH_BYTES = 4
const NOTHING = new Uint8Array(0)

let sessions = 0

/**
 * One connection, bytes in and bytes out.
 *
 *   hello --HAPROXY-HELLO--> open --error, DISCONNECT, drain--> closed
 *     \------healthcheck---> checked
 */
export class Session implements AckTarget, FrameSink {
  readonly id = ++sessions
  readonly output: Output
  maxAckSize: number
  frameLimit: number
  pending = 0
  /** Frames taken. */
  frames = 0
  readonly #context: SessionContext
  readonly #outlet: SessionOutlet
  readonly #splitter = new FrameSplitter()
  readonly #cursor = new Cursor()
  readonly #header = new FrameHeader()
  #state: 'hello' | 'checked' | 'open' | 'closed' = 'hello'
  readonly #gate: AckGate
  #reassembly: Reassembly | undefined = undefined
  #draining = false
  #receiving = false
  /** Whether this read brought a NOTIFY. */
  #notified = false
  #now = 0
  #late = false

  constructor(context: SessionContext, outlet: SessionOutlet, output: Output) {
    this.#context = context
    this.#outlet = outlet
    this.output = output
    this.#gate = new AckGate(output, context.settings, context.reporter, () => this.#endOrFlush())
    this.frameLimit = Math.min(context.settings.maxFrameSize, DEFAULT_MAX_FRAME_SIZE)
    this.maxAckSize = this.frameLimit
  }

  get open(): boolean {
    return this.#state === 'open'
  }

  get congested(): boolean {
    return this.output.length + this.#gate.bytes > Math.max(CONGESTED_FRAMES * this.frameLimit, CONGESTED_BYTES)
  }

  /**
   * Takes what was read, the first `length` bytes of `chunk`, which it does not keep; answers of synchronous handlers are
   * in `output` when it returns. Never throws.
   * @param now when it was read, `performance.now()`
   * @param late whether it may have waited for longer than the deadline before that, see StallClock
   */
  receive(chunk: Buffer, now: number, late = false, length = chunk.length): void {
    if (this.#state === 'closed') return
    this.#receiving = true
    this.#now = now
    this.#late = late
    this.#notified = false
    this.#gate.tick(now)
    try {
      this.#splitter.push(chunk, this, length)
    } catch (error) {
      this.#fail(error)
    }
    this.#receiving = false
    // After the NOTIFYs of this read, which tell how many ACKs must have been read.
    if (this.#gate.count > 0) this.#gate.release(now)
    // Lets go of what was read: an idle connection keeps nothing.
    this.#cursor.reset(NOTHING, 0, 0)
    if (this.#draining && this.#notified && this.#isQuiet()) this.#end(STATUS_NORMAL, 0)
  }

  /** Whether HAProxy has begun a frame, or a NOTIFY in fragments, that is not complete yet. */
  get partial(): boolean {
    return this.#splitter.partial || this.#reassembly !== undefined
  }

  /** Whether HAProxy waits for nothing that this end knows of. */
  get quiet(): boolean {
    return this.#isQuiet() && !this.partial
  }

  frame(buffer: Buffer, start: number, end: number): boolean {
    const cursor = this.#cursor
    const header = this.#header
    cursor.reset(buffer, start, end)
    header.read(cursor)
    this.frames++
    this.#context.reporter.counters.framesIn++
    if (this.#state === 'open') this.#openFrame(buffer)
    else if (this.#state === 'hello') this.#firstFrame()
    else return false
    return this.#isAlive()
  }

  sendAck(ids: Uint8Array, idsStart: number, idsEnd: number, actions: ActionWriter, since: number): void {
    if (!this.#receiving) this.#gate.tick(performance.now())
    this.#gate.send(ids, idsStart, idsEnd, actions, since)
    if (!this.#receiving) this.#endOrFlush()
  }

  /** No HELLO in time, or a health check that HAProxy did not close. */
  helloTimeout(): void {
    if (this.#state === 'checked') {
      this.#end(STATUS_NORMAL, 0)
    } else if (this.#state === 'hello') {
      const error = new SpopError('ERR_SPOP_HELLO_TIMEOUT', this.#context.settings.helloTimeoutMs)
      this.#context.reporter.protocolError(error)
      this.#end(error.status ?? STATUS_UNKNOWN, 0)
    }
  }

  /** Nothing came for longer than HAProxy keeps an idle connection. */
  idle(): void {
    if (this.#state !== 'open' || this.pending > 0) return
    const error = new SpopError('ERR_SPOP_IDLE', this.#context.settings.idleTimeoutMs)
    this.#context.reporter.counters.idleClosed++
    this.#end(error.status ?? STATUS_UNKNOWN, 0)
  }

  /** Ends at once if nothing is in flight, else together with the last ACK. */
  drain(): void {
    this.#draining = true
    this.#notified = true
    if (!this.#receiving && this.#isQuiet()) this.#end(STATUS_NORMAL, 0)
  }

  /**
   * Ends in the next moment in which nothing is in flight that this end knows of: together with the ACKs of a read, whose
   * NOTIFYs have just been taken out of the kernel's buffer.
   */
  drainSoon(): void {
    this.#draining = true
  }

  /** The connection is gone. Answers still to come are dropped. */
  lost(): void {
    this.#state = 'closed'
    this.#reassembly = undefined
    this.#gate.drop()
  }

  /** Nothing is in flight that HAProxy waits for. */
  #isQuiet(): boolean {
    return this.pending === 0 && this.#gate.count === 0
  }

  #endOrFlush(): void {
    if (this.#draining && this.#isQuiet()) this.#end(STATUS_NORMAL, 0)
    else this.#outlet.scheduleFlush()
  }

  #isAlive(): boolean {
    return this.#state !== 'closed'
  }

  #firstFrame(): void {
    const { type } = this.#header
    const { settings, reporter, draining } = this.#context
    if (type === FrameType.HAPROXY_DISCONNECT) {
      this.#haproxyDisconnect()
      return
    }
    if (type !== FrameType.HAPROXY_HELLO) throw new SpopError('ERR_SPOP_UNEXPECTED_FRAME', type, 'before HAPROXY-HELLO')
    this.#requireFin()
    this.#header.requireNoIds(this.#cursor)
    const hello = readHaproxyHello(this.#cursor)
    if (hello.healthcheck) reporter.counters.healthChecks++
    if (hello.healthcheck && draining) {
      this.#end(STATUS_NORMAL, 0)
      return
    }
    this.frameLimit = Math.min(hello.maxFrameSize, settings.maxFrameSize)
    const bufsize = Math.max(settings.bufsize, hello.maxFrameSize + LENGTH_BYTES)
    // An ACK of exactly the offered size fills HAProxy's buffer, see AckWindow.
    this.maxAckSize = Math.min(this.frameLimit, bufsize - LENGTH_BYTES - 1)
    this.#gate.open(bufsize, hello.capabilities)
    this.#state = hello.healthcheck ? 'checked' : 'open'
    this.output.append(encodeAgentHello(this.frameLimit, settings.maxReassembledSize > 0))
    reporter.counters.framesOut++
    if (channels.hello.hasSubscribers) {
      const { engineId, capabilities, healthcheck } = hello
      channels.hello.publish({
        connection: this.id,
        engineId,
        capabilities,
        maxFrameSize: this.frameLimit,
        healthcheck,
      })
    }
    // HAProxy 3.2+ fails on an AGENT-HELLO that does not arrive whole and by itself.
    this.#outlet.flush()
  }

  #openFrame(buffer: Buffer): void {
    const header = this.#header
    if (this.#reassembly !== undefined && header.type === FrameType.NOTIFY) throw new SpopError('ERR_SPOP_INTERLACED')
    switch (header.type) {
      case FrameType.NOTIFY:
        if ((header.flags & FLAG_FIN) === 0) {
          this.#firstFragment(buffer)
          return
        }
        // An aborted frame is to be forgotten (SPOE.txt 3.2.1), but HAProxy may still count on one ACK per NOTIFY.
        if ((header.flags & FLAG_ABORT) !== 0) this.#cursor.position = this.#cursor.end
        this.#notify(buffer, header.idsStart, header.idsEnd, this.#now, this.#late ? 'deadline' : undefined)
        return
      case FrameType.UNSET:
        this.#nextFragment(buffer)
        return
      case FrameType.HAPROXY_DISCONNECT:
        this.#haproxyDisconnect()
        return
      case FrameType.HAPROXY_HELLO:
      case FrameType.AGENT_HELLO:
      case FrameType.AGENT_DISCONNECT:
      case FrameType.ACK:
        throw new SpopError('ERR_SPOP_UNEXPECTED_FRAME', header.type, 'from HAProxy on an open connection')
      default:
      // "Unknown frames may be silently skipped" (SPOE.txt 3.2.2).
    }
  }

  #notify(buffer: Buffer, idsStart: number, idsEnd: number, since: number, refusal: FallbackCause | undefined): void {
    this.#notified = true
    this.#gate.notify()
    this.#context.dispatcher.notify(this, this.#cursor, buffer, idsStart, idsEnd, since, refusal)
  }

  #firstFragment(buffer: Buffer): void {
    const limit = this.#context.settings.maxReassembledSize
    if (limit === 0) throw new SpopError('ERR_SPOP_FRAGMENT', this.#header.type)
    this.#reassembly = new Reassembly(buffer, this.#header, limit, this.#now)
    this.#reassembly.add(buffer, this.#cursor.position, this.#cursor.end)
  }

  #nextFragment(buffer: Buffer): void {
    const { flags } = this.#header
    const whole = this.#reassembly
    if (whole === undefined) throw new SpopError('ERR_SPOP_FRAME_ID')
    whole.requireIds(buffer, this.#header)
    if ((flags & FLAG_FIN) === 0) {
      whole.add(buffer, this.#cursor.position, this.#cursor.end)
      return
    }
    this.#reassembly = undefined
    // The stream has gone: nobody waits for an answer.
    if ((flags & FLAG_ABORT) !== 0) return
    whole.add(buffer, this.#cursor.position, this.#cursor.end)
    this.#cursor.reset(whole.bytes, whole.idsLength, whole.length)
    // HAProxy counts its time from the first fragment on.
    const late = this.#late || this.#now - whole.since > this.#context.settings.deadlineMs
    const refusal = whole.overflow ? 'overload' : late ? 'deadline' : undefined
    this.#notify(whole.bytes, 0, whole.idsLength, whole.since, refusal)
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
    this.#gate.releaseAll()
    // A health check has had its answer; anything more would be part of it.
    if (this.#state !== 'checked') {
      this.output.append(encodeAgentDisconnect(status))
      this.#context.reporter.counters.framesOut++
    }
    this.#state = 'closed'
    this.#reassembly = undefined
    this.#outlet.close(holdMs)
  }
}
