import { Dispatcher } from '../../node-spoe/src/dispatcher.ts'
import { newCounters, readOptions } from '../../node-spoe/src/options.ts'
import { Output, OutputPool } from '../../node-spoe/src/output.ts'
import { Reporter } from '../../node-spoe/src/report.ts'
import { Session, type SessionContext } from '../../node-spoe/src/session.ts'
import { SpopError } from '../../node-spoe/src/index.ts'
import { ensure } from './failure.ts'
import { FuzzHandlers, NEVER } from './handlers.ts'
import { AgentModel, type Expected, type ModelOptions } from './model.ts'
import { BAD, actionList, kvList, payloadOf } from './plain.ts'

const OWN_LIMIT = 65_536
/** What a deadline may at most be: here nothing but the bytes decides what happens. */
const NO_DEADLINE = 2 ** 31 - 1
const OUT_BYTES = 4 * 1024 * 1024

/** An agent without sockets, compared with the model of one: same bytes in, whatever their cuts, same answers out. */
export class AgentLane {
  readonly handlers = new FuzzHandlers()
  readonly counters = newCounters()
  readonly options: ModelOptions
  readonly #context: SessionContext
  readonly #pool = new OutputPool()
  /** The read buffer, overwritten by every read as that of a connection is. */
  readonly #read = Buffer.alloc(512 * 1024)
  readonly #out = Buffer.alloc(OUT_BYTES)
  #outLength = 0
  #closed = false
  #strange: unknown = undefined

  constructor(maxReassembledSize: number) {
    this.options = { maxFrameSize: OWN_LIMIT, maxReassembledSize, handlers: FuzzHandlers.kinds }
    const settings = readOptions({
      // Which ACKs have to wait depends on the time; unit tests hold that.
      bufsize: 2 ** 30,
      messages: this.handlers.messages,
      deadlineMs: NO_DEADLINE,
      maxFrameSize: OWN_LIMIT,
      maxReassembledSize,
      fallback: (reply, cause) => reply.setVar('txn', 'cause', cause),
      onError: (error) => {
        const known = error instanceof SpopError || (error instanceof Error && /^(boom|rejected)$/.test(error.message))
        if (!known || (error instanceof SpopError && error.code === 'ERR_SPOP_INTERNAL')) this.#strange = error
      },
    })
    const reporter = new Reporter(this.counters, settings.onError)
    this.#context = { settings, reporter, dispatcher: new Dispatcher(settings, reporter), draining: false }
  }

  /**
   * Plays a connection's bytes, read in pieces that end at `cuts`, on a new session.
   * @returns a promise where handlers have yet to answer
   * @throws FuzzFailure
   */
  run(bytes: Buffer, length: number, cuts: readonly number[], model: AgentModel): Promise<void> | undefined {
    this.#outLength = 0
    this.#closed = false
    this.handlers.seen.length = 0
    const callsBefore = this.handlers.calls
    const output = new Output(this.#pool)
    const take = (): void => {
      if (output.length === 0) return
      ensure(this.#outLength + output.length <= OUT_BYTES, 'more answers than 4 MiB')
      const size = output.length
      const buffer = output.take()
      buffer.copy(this.#out, this.#outLength, 0, size)
      this.#outLength += size
      this.#pool.give(buffer)
    }
    const session = new Session(
      this.#context,
      {
        flush: take,
        scheduleFlush: () => queueMicrotask(take),
        close: () => {
          ensure(!this.#closed, 'closed twice')
          this.#closed = true
          take()
        },
      },
      output,
    )
    for (let from = 0, i = 0; from < length; i++) {
      const to = Math.min(cuts[i] ?? length, length)
      bytes.copy(this.#read, 0, from, to)
      session.receive(this.#read, 0, false, to - from)
      take()
      from = to
    }
    ensure(
      this.handlers.calls - callsBefore === model.messages,
      `${this.handlers.calls - callsBefore} handlers were called, not ${model.messages}`,
    )
    const at = this.#compare(bytes, model)
    // An asynchronous handler of a connection that has ended is waited for too, though nothing may come of it.
    if (model.later.length === 0 && this.counters.inFlight === 0) {
      this.#finish(session, at)
      return undefined
    }
    return new Promise(setImmediate).then(() => {
      this.#finish(session, this.#compareLater(bytes, at, model))
    })
  }

  #finish(session: Session, at: number): void {
    ensure(at === this.#outLength, `${this.#outLength - at} bytes too many were sent`)
    const half = this.#out.subarray(0, at).includes(NEVER)
    ensure(!half, 'an ACK holds what a failing handler had set')
    ensure(this.#strange === undefined, `an error that is in no table: ${String(this.#strange)}`)
    const pending = session.pending
    session.lost()
    ensure(pending === 0 && this.counters.inFlight === 0, 'something is still in flight')
  }

  /** Compares what was sent with what is due at once. Returns where the rest begins. */
  #compare(bytes: Buffer, model: AgentModel): number {
    let at = 0
    for (const expected of model.expected) {
      ensure(at < this.#outLength, `${expected.kind} was not sent`)
      at = this.#frame(bytes, at, expected, model.limit)
    }
    return at
  }

  /** ACKs of asynchronous handlers come in any order. */
  #compareLater(bytes: Buffer, at: number, { later, limit }: AgentModel): number {
    const due: string[] = []
    const got: string[] = []
    for (let i = 0; i < later.length; i += 2) due.push(bytes.toString('hex', later[i], later[i + 1]))
    for (let i = 0; i < due.length; i++) {
      ensure(at < this.#outLength, 'an ACK of an asynchronous handler was not sent')
      const { end, payload } = this.#header(at, 103, limit)
      ensure(actionList(this.#out, payload, end), 'the actions of an ACK are malformed')
      got.push(this.#out.toString('hex', at + 9, payload))
      at = end
    }
    ensure(due.toSorted().join() === got.toSorted().join(), `ACKs for ${got.join()} instead of ${due.join()}`)
    return at
  }

  #frame(bytes: Buffer, at: number, expected: Expected, limit: number): number {
    const out = this.#out
    if (expected.kind === 'ack') {
      const { end, payload } = this.#header(at, 103, limit)
      const { start: from, end: to } = expected
      const same = payload - at - 9 === to - from && out.compare(bytes, from, to, at + 9, payload) === 0
      ensure(same, `ACK for ${out.toString('hex', at + 9, payload)} instead of ${bytes.toString('hex', from, to)}`)
      ensure(actionList(out, payload, end), 'the actions of an ACK are malformed')
      return end
    }
    const { end, payload } = this.#header(at, expected.kind === 'hello' ? 101 : 102, 255)
    ensure(kvList(out, payload, end), 'a malformed KV-LIST was sent')
    if (expected.kind === 'hello') return end
    // "status-code" UINT32 comes first, and all statuses of the model are one byte.
    const status = out[payload + 13]!
    ensure(status === expected.status, `DISCONNECT ${status} instead of ${expected.status}`)
    return end
  }

  #header(at: number, type: number, limit: number): { end: number; payload: number } {
    const out = this.#out
    const size = out.readUInt32BE(at)
    const end = at + 4 + size
    ensure(size <= limit, `a frame of ${size} bytes was sent, ${limit} are allowed`)
    ensure(end <= this.#outLength, 'half a frame was sent')
    ensure(out[at + 4] === type, `frame type ${out[at + 4]} was sent instead of ${type}`)
    ensure(out.readUInt32BE(at + 5) === 1, 'a frame without FIN was sent')
    const payload = payloadOf(out, at + 4, end)
    ensure(payload !== BAD, 'a frame with a malformed header was sent')
    return { end, payload }
  }
}
