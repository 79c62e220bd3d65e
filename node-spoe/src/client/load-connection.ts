import type { Socket } from 'node:net'
import { SpopError } from '../errors.ts'
import { inspectFrame } from '../protocol/decode.ts'
import { encodeHaproxyDisconnect } from '../protocol/disconnect.ts'
import { FLAG_ABORT } from '../protocol/frame.ts'
import { type FrameSink, FrameSplitter } from '../splitter.ts'
import { type Ack, ackOf } from './ack.ts'
import { type AgentHello, type Offer, disconnectError, encodeHaproxyHello, readAgentHello } from './hello.ts'
import type { LatencyHistogram } from './latency.ts'
import { readAckId, writeNotifyId } from './load-frame.ts'

const FREE = 0
const BUSY = 1
const MAX_ERRORS = 10

/** What the connections of one load share. */
export interface LoadRun {
  readonly latency: LatencyHistogram
  readonly offer: Offer
  readonly timeoutMs: number
  /** When the next NOTIFY is to be sent, if one is due at `now`, milliseconds; -1 if none is. Counts it as sent. */
  take(now: number): number
  sent: number
  answered: number
  aborted: number
  timeouts: number
  lateAcks: number
  unexpectedAcks: number
  lost: number
  connectionsLost: number
  bytesIn: number
  bytesOut: number
  firstAck: Ack | undefined
  /** `performance.now()` */
  lastAckAt: number
  readonly errors: SpopError[]
}

/**
 * One connection of a load. A slot is a place of the window; its `n`, from which the stream-id is made, grows by the
 * number of slots with each NOTIFY, so that an ACK says which slot it is for and none fits twice.
 */
export class LoadConnection implements FrameSink {
  frameLimit: number
  inFlight = 0
  readonly #run: LoadRun
  readonly #socket: Socket
  readonly #frame: Buffer
  readonly #window: number
  readonly #splitter = new FrameSplitter()
  /** Slots as a power of two, so that the id's wrap at 2^32 is one of the slots too. */
  readonly #slots: number
  readonly #state: Uint8Array
  readonly #n: Uint32Array
  /** The `n` that timed out last in a slot. */
  readonly #late: Float64Array
  readonly #sentAt: Float64Array
  readonly #free: Uint32Array
  #freeCount: number
  /** As many NOTIFYs as the window has; only their ids change. */
  #frames: Buffer
  #staged = 0
  #now = 0
  #closed = false
  #greeted: { readonly resolve: (hello: AgentHello) => void; readonly reject: (error: Error) => void } | undefined

  constructor(run: LoadRun, socket: Socket, frame: Buffer, window: number) {
    this.#run = run
    this.#socket = socket
    this.#frame = frame
    this.#window = window
    this.frameLimit = run.offer.maxFrameSize
    this.#slots = 2 ** Math.ceil(Math.log2(window))
    this.#state = new Uint8Array(this.#slots)
    this.#n = Uint32Array.from({ length: this.#slots }, (_, slot) => slot)
    this.#late = new Float64Array(this.#slots).fill(-1)
    this.#sentAt = new Float64Array(this.#slots)
    this.#free = Uint32Array.from({ length: window }, (_, slot) => slot)
    this.#freeCount = window
    this.#frames = this.#newFrames()
    socket.once('error', (error) => this.end(new SpopError('ERR_SPOP_CONNECTION_LOST', error.message)))
    socket.once('close', () => this.end(new SpopError('ERR_SPOP_CONNECTION_LOST', 'it was closed')))
  }

  get closed(): boolean {
    return this.#closed
  }

  /** Whether the window has room. */
  get ready(): boolean {
    return this.#freeCount > 0 && !this.#closed
  }

  greet(): Promise<AgentHello> {
    return new Promise((resolve, reject) => {
      this.#greeted = { resolve, reject }
      this.#socket.write(encodeHaproxyHello(this.#run.offer))
    })
  }

  /** Takes the `length` bytes that were read and answers them with the next NOTIFYs, in one write. */
  receive(chunk: Buffer, length: number): void {
    if (this.#closed) return
    this.#run.bytesIn += length
    this.#now = performance.now()
    try {
      this.#splitter.push(chunk, this, length)
    } catch (error) {
      this.end(error instanceof SpopError ? error : new SpopError('ERR_SPOP_INTERNAL'))
    }
    if (this.#greeted === undefined) this.fill(this.#now)
  }

  frame(buffer: Buffer, start: number, end: number): boolean {
    const n = readAckId(buffer, start, end)
    const slot = n & (this.#slots - 1)
    if (n < 0 || this.#n[slot] !== n || this.#state[slot] === FREE) {
      this.#other(buffer, start, end, n)
      return !this.#closed
    }
    const run = this.#run
    run.answered++
    run.lastAckAt = this.#now
    run.latency.record(this.#now - this.#sentAt[slot]!)
    if ((buffer[start + 4]! & FLAG_ABORT) !== 0) run.aborted++
    if (run.firstAck === undefined) run.firstAck = firstAck(buffer, start, end)
    this.#release(slot)
    return true
  }

  /** Sends what is due, as far as the window allows. */
  fill(now: number): void {
    while (this.ready) {
      const dueAt = this.#run.take(now)
      if (dueAt < 0) break
      this.stage(dueAt)
    }
    this.flush()
  }

  /** Prepares one NOTIFY; there must be room. */
  stage(dueAt: number): void {
    const slot = this.#free[--this.#freeCount]!
    const n = (this.#n[slot]! + this.#slots) >>> 0
    this.#n[slot] = n
    this.#state[slot] = BUSY
    this.#sentAt[slot] = dueAt
    writeNotifyId(this.#frames, this.#staged++ * this.#frame.length, n)
    this.inFlight++
  }

  /** Sends what was prepared. */
  flush(): void {
    if (this.#staged === 0) return
    const length = this.#staged * this.#frame.length
    this.#staged = 0
    this.#run.bytesOut += length
    if (!this.#socket.writable) return
    this.#socket.write(length === this.#frames.length ? this.#frames : this.#frames.subarray(0, length))
    // Otherwise the kernel took it all at once, and the buffer is free again.
    if (this.#socket.writableLength > 0) this.#frames = this.#newFrames()
  }

  /** Gives up what had waited for too long at `now`. */
  sweep(now: number): void {
    for (let slot = 0; slot < this.#window; slot++) {
      if (this.#state[slot] === FREE || now - this.#sentAt[slot]! < this.#run.timeoutMs) continue
      this.#run.timeouts++
      this.#late[slot] = this.#n[slot]!
      this.#release(slot)
    }
  }

  /** Says HAPROXY-DISCONNECT and closes; what is in flight stays unanswered. */
  close(lingerMs: number): Promise<void> {
    const socket = this.#socket
    this.#closed = true
    if (socket.closed) return Promise.resolve()
    return new Promise((resolve) => {
      const timer = setTimeout(() => socket.destroy(), lingerMs)
      socket.once('close', () => {
        clearTimeout(timer)
        resolve()
      })
      socket.end(encodeHaproxyDisconnect(0))
    })
  }

  /** Ends the connection because of an error; what is in flight is lost. */
  end(error: SpopError): void {
    if (this.#closed) return
    this.#closed = true
    this.#run.connectionsLost++
    this.#run.lost += this.inFlight
    this.inFlight = 0
    this.#note(error)
    this.#greeted?.reject(error)
    this.#socket.destroy()
  }

  #release(slot: number): void {
    this.#state[slot] = FREE
    this.#free[this.#freeCount++] = slot
    this.inFlight--
  }

  /** Everything but the ACK of a NOTIFY in flight. */
  #other(buffer: Buffer, start: number, end: number, n: number): void {
    const { frame, error } = inspectFrame(buffer, start, end)
    if (frame?.type === 'AGENT-DISCONNECT') throw disconnectError(frame.kv)
    if (this.#greeted !== undefined) {
      if (error !== undefined || frame === undefined) throw error ?? new SpopError('ERR_SPOP_INTERNAL')
      const hello = readAgentHello(frame, this.#run.offer)
      const { length } = this.#frame
      if (length - 4 > hello.maxFrameSize) throw new SpopError('ERR_SPOP_FRAME_TOO_BIG', length - 4, hello.maxFrameSize)
      this.frameLimit = hello.maxFrameSize
      this.#greeted.resolve(hello)
      this.#greeted = undefined
      return
    }
    if (frame === undefined || (frame.type !== 'ACK' && frame.type !== 'UNKNOWN')) {
      throw (
        error ?? new SpopError('ERR_SPOP_UNEXPECTED_FRAME', frame?.type ?? '?', 'from an agent after its AGENT-HELLO')
      )
    }
    if (frame.type === 'UNKNOWN') return
    const slot = n & (this.#slots - 1)
    if (n >= 0 && this.#late[slot] === n) {
      this.#late[slot] = -1
      this.#run.lateAcks++
      return
    }
    this.#run.unexpectedAcks++
    const why = frame.flags.fin ? 'it answers nothing in flight' : 'it has no FIN'
    this.#note(new SpopError('ERR_SPOP_ACK_UNEXPECTED', String(frame.streamId), String(frame.frameId), why))
  }

  #note(error: SpopError): void {
    if (this.#run.errors.length < MAX_ERRORS) this.#run.errors.push(error)
  }

  #newFrames(): Buffer {
    return Buffer.alloc(this.#window * this.#frame.length, this.#frame)
  }
}

function firstAck(buffer: Buffer, start: number, end: number): Ack | undefined {
  const { frame, error } = inspectFrame(buffer, start, end)
  return frame?.type === 'ACK' ? ackOf(frame, error) : undefined
}
