import { SpopError } from '../errors.ts'
import { inspectFrame } from '../protocol/decode.ts'
import { encodeHaproxyDisconnect } from '../protocol/disconnect.ts'
import { FrameType } from '../protocol/frame.ts'
import type { Frame } from '../protocol/model.ts'
import { STATUS_NORMAL, STATUS_UNKNOWN } from '../protocol/status.ts'
import { type FrameSink, FrameSplitter } from '../splitter.ts'
import { type Ack, ackOf } from './ack.ts'
import { type AgentHello, type Offer, disconnectError, encodeHaproxyHello, readAgentHello } from './hello.ts'
import { type Ids, encodeNotify } from './notify.ts'
import { Outstanding } from './outstanding.ts'

/** Options of a {@link ClientSession}. */
export interface SessionOptions extends Offer {
  /** Send a NOTIFY that is too big in pieces, if the agent announced `fragmentation`, as HAProxy up to 3.0 does. */
  readonly fragmentation: boolean
  /** Let an ACK with ids never sent end the connection, as HAProxy 3.1+ does; otherwise it is only counted. */
  readonly strict: boolean
}

/** What a {@link ClientSession} tells, with the context that was given with each NOTIFY. */
export interface SessionEvents<Context> {
  /** Bytes for the agent. */
  send(bytes: Buffer): void
  hello(hello: AgentHello): void
  ack(context: Context, ack: Ack): void
  /** The session is over: no more ACKs. Called once. */
  end(error: SpopError): void
  /** Something HAProxy ignores, but an agent should not do. */
  complaint(error: SpopError): void
}

/** ACKs an agent should not have sent. */
export interface SessionCounters {
  /** With ids that were never sent. */
  unknownAcks: number
  /** For a NOTIFY that was answered already. */
  duplicateAcks: number
  /** After its timeout. */
  lateAcks: number
  /** With an action that is malformed. */
  malformedAcks: number
}

/**
 * HAProxy's end of a connection, bytes in and bytes out.
 *
 *   new --greet--> hello --AGENT-HELLO--> open --disconnect--> closing
 *   any --AGENT-DISCONNECT, error, lost--> closed
 */
export class ClientSession<Context> implements FrameSink {
  readonly counters: SessionCounters = { unknownAcks: 0, duplicateAcks: 0, lateAcks: 0, malformedAcks: 0 }
  frameLimit: number
  #hello: AgentHello | undefined = undefined
  #state: 'new' | 'hello' | 'open' | 'closing' | 'closed' = 'new'
  readonly #options: SessionOptions
  readonly #events: SessionEvents<Context>
  readonly #splitter = new FrameSplitter()
  readonly #outstanding = new Outstanding<Context>()

  constructor(options: SessionOptions, events: SessionEvents<Context>) {
    this.#options = options
    this.#events = events
    this.frameLimit = options.maxFrameSize
  }

  /** What the agent said, once it has. */
  get hello(): AgentHello | undefined {
    return this.#hello
  }

  /** Whether NOTIFYs may be sent. */
  get open(): boolean {
    return this.#state === 'open'
  }

  get closed(): boolean {
    return this.#state === 'closed'
  }

  /** Sends HAPROXY-HELLO. */
  greet(): void {
    this.#state = 'hello'
    this.#events.send(encodeHaproxyHello(this.#options))
  }

  /** Takes what was read. Never throws for what an agent sent. */
  receive(chunk: Buffer): void {
    if (this.#state === 'closed') return
    try {
      this.#splitter.push(chunk, this)
    } catch (caught) {
      const error = caught instanceof SpopError ? caught : new SpopError('ERR_SPOP_INTERNAL')
      this.#fail(error)
    }
  }

  /**
   * Sends a NOTIFY; its ACK comes with `context`. Ids not given are those of HAProxy 3.1+: stream-ids 1, 3, 5 …,
   * frame-id 1.
   *
   * @param payload LIST-OF-MESSAGES, see `encodeMessages`
   * @throws SpopError ERR_SPOP_FRAME_TOO_BIG, ERR_SPOP_ENCODE, ERR_SPOP_OPTION for ids in flight already; nothing is
   *   sent then. ERR_SPOP_CLIENT_CLOSED before AGENT-HELLO and after the end.
   */
  notify(payload: Buffer, context: Context, given: Partial<Ids> = {}): Ids {
    const hello = this.#hello
    if (this.#state !== 'open' || hello === undefined) throw new SpopError('ERR_SPOP_CLIENT_CLOSED')
    const ids = this.#outstanding.ids(given)
    const fragment = this.#options.fragmentation && hello.capabilities.includes('fragmentation')
    const bytes = encodeNotify(payload, ids, hello.maxFrameSize, fragment)
    this.#outstanding.add(ids, context)
    this.#events.send(bytes)
    return ids
  }

  /** Gives up on a NOTIFY: its ACK will be a late one. */
  forget(ids: Ids): void {
    this.#outstanding.settle(ids, 'timed out')
  }

  /** Sends HAPROXY-DISCONNECT, to which an agent answers with AGENT-DISCONNECT and a close. */
  disconnect(status: number = STATUS_NORMAL): void {
    if (this.#state === 'closing' || this.#state === 'closed') return
    this.#state = 'closing'
    this.#events.send(encodeHaproxyDisconnect(status))
  }

  /** The connection is gone, or is given up. */
  lost(error: SpopError): void {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    this.#events.end(error)
  }

  frame(buffer: Buffer, start: number, end: number): boolean {
    const { frame, error } = inspectFrame(buffer, start, end)
    if (frame?.type === 'AGENT-DISCONNECT') {
      this.lost(disconnectError(frame.kv))
    } else if (frame?.type === 'ACK' && this.#state !== 'hello') {
      this.#ack(frame, error)
    } else if (error !== undefined || frame === undefined) {
      throw error ?? new SpopError('ERR_SPOP_INTERNAL')
    } else if (this.#state === 'hello') {
      this.#greeted(readAgentHello(frame, this.#options))
    } else if (frame.type !== 'UNKNOWN') {
      // "Unknown frames may be silently skipped" (SPOE.txt 3.2.2); others are out of place.
      throw new SpopError('ERR_SPOP_UNEXPECTED_FRAME', frame.type, 'from an agent after its AGENT-HELLO')
    }
    return !this.closed
  }

  #greeted(hello: AgentHello): void {
    this.#hello = hello
    this.frameLimit = hello.maxFrameSize
    this.#state = 'open'
    this.#events.hello(hello)
  }

  #ack(frame: Frame & { type: 'ACK' }, error: SpopError | undefined): void {
    if (!frame.flags.fin) throw new SpopError('ERR_SPOP_FRAGMENT', FrameType.ACK)
    const context = this.#outstanding.take(frame)
    if (context === undefined) {
      this.#unexpected(frame)
      return
    }
    if (error !== undefined) {
      this.counters.malformedAcks++
      this.#events.complaint(error)
    }
    this.#events.ack(context.value, ackOf(frame, error))
  }

  #unexpected(ids: Ids): void {
    const fate = this.#outstanding.fate(ids)
    const why = { answered: 'it was answered already', 'timed out': 'it comes too late', unknown: 'it was never sent' }
    const error = new SpopError('ERR_SPOP_ACK_UNEXPECTED', String(ids.streamId), String(ids.frameId), why[fate])
    if (fate === 'answered') this.counters.duplicateAcks++
    else if (fate === 'timed out') this.counters.lateAcks++
    else this.counters.unknownAcks++
    if (fate === 'unknown' && this.#options.strict) throw error
    this.#events.complaint(error)
  }

  #fail(error: SpopError): void {
    if (this.#state === 'closed') return
    // A health check says nothing more, whatever came.
    if (this.#options.engineId !== undefined) this.disconnect(error.status ?? STATUS_UNKNOWN)
    this.lost(error)
  }
}
