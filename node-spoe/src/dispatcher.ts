import type { FallbackCause, MessageHandler } from './api.ts'
import { SpopError } from './errors.ts'
import { type AckTarget, Exchange, ExchangeList } from './exchange.ts'
import type { Settings } from './options.ts'
import { ActionWriter, actionsLimit } from './protocol/ack.ts'
import { MessagePlan, checkMessages, skipArguments } from './protocol/notify.ts'
import { VariableNames } from './protocol/variable.ts'
import type { Cursor } from './protocol/varint.ts'
import { ActionReply } from './reply.ts'
import type { Reporter } from './report.ts'

/** Writers kept for the next asynchronous handlers; beyond that the garbage collector has them. */
const MAX_SPARE_WRITERS = 256
/** A writer that grew above this is not kept. */
const MAX_SPARE_BYTES = 16_384

interface Entry {
  readonly plan: MessagePlan
  // oxlint-disable-next-line typescript/no-explicit-any -- see AgentOptions.messages
  readonly handler: MessageHandler<any>
}

/**
 * Brings messages to their handlers and sees to it that every NOTIFY gets exactly one ACK: when the last handler is
 * done, when one failed, or at the deadline, whichever comes first.
 */
export class Dispatcher {
  readonly #settings: Settings
  readonly #reporter: Reporter
  readonly #entries: readonly Entry[]
  readonly #names: VariableNames
  readonly #open = new ExchangeList()
  readonly #spareWriters: ActionWriter[] = []
  readonly #sweepEveryMs: number
  /** Shared by all synchronous handlers; replaced when one of them turns out to be asynchronous. */
  #reply: ActionReply
  #sweeper: NodeJS.Timeout | undefined = undefined

  constructor(settings: Settings, reporter: Reporter) {
    this.#settings = settings
    this.#reporter = reporter
    this.#entries = Object.entries(settings.messages).map(([name, handler]) => ({
      plan: new MessagePlan(name, handler.args),
      handler,
    }))
    this.#names = new VariableNames(settings.varPrefix)
    this.#sweepEveryMs = Math.min(Math.max(settings.deadlineMs / 8, 1), 10)
    this.#reply = this.#newReply()
  }

  /**
   * Handles the NOTIFY whose payload lies at the cursor; its ids are in `[idsStart, idsEnd)` of the cursor's buffer.
   * @param now when the frame was read, `performance.now()`: the deadline counts from there
   * @param late whether it may have waited for longer than the deadline before it was read: no handler is called then
   * @throws SpopError if the payload is malformed; no handler has been called then
   */
  notify(
    target: AckTarget,
    cursor: Cursor,
    buffer: Buffer,
    idsStart: number,
    idsEnd: number,
    now: number,
    late: boolean,
  ): void {
    const { counters } = this.#reporter
    counters.notifies++
    const reply = this.#reply
    const limit = actionsLimit(target.maxFrameSize, idsEnd - idsStart)
    if (late || counters.inFlight >= this.#settings.maxInFlight) {
      checkMessages(cursor)
      reply.begin(limit, this.#firstName(cursor, buffer))
      if (late) counters.deadlineAnswers++
      else counters.overloadAnswers++
      this.#fallback(reply, late ? 'deadline' : 'overload')
      this.#answer(target, buffer, idsStart, idsEnd, reply, limit)
      reply.settle()
      return
    }

    let begun = false
    let exchange: Exchange | undefined
    let failed = false
    let failure: unknown
    while (cursor.position < cursor.end) {
      const nameStart = cursor.skip(cursor.varint('a message name'), 'a message name')
      const entry = this.#find(buffer, nameStart, cursor.position)
      if (entry === undefined) {
        skipArguments(cursor)
        counters.unknownMessages++
        continue
      }
      const view = entry.plan.read(cursor, buffer)
      if (!begun) {
        // A frame is right or wrong as a whole; one message, the usual case, has just been read to its end.
        if (cursor.position < cursor.end) checkMessages(cursor)
        reply.begin(limit, entry.plan.name)
        begun = true
      }
      counters.messages++
      let result: unknown
      try {
        result = entry.handler.handle(view, reply)
      } catch (error) {
        failed = true
        failure ??= error
        this.#reporter.handlerError(error)
      }
      view.close()
      if (isThenable(result)) {
        exchange ??= this.#goAsync(target, buffer.subarray(idsStart, idsEnd), reply, now)
        this.#await(exchange, result)
      }
    }

    if (exchange === undefined) {
      if (!begun) reply.begin(limit, '')
      if (failed) this.#fallback(reply, 'error', failure)
      this.#answer(target, buffer, idsStart, idsEnd, reply, limit)
      reply.settle()
    } else if (failed) {
      this.#fallback(reply, 'error', failure)
      this.#settle(exchange)
    }
  }

  /** Name of the first message with a handler, for a NOTIFY whose handlers are not called. */
  #firstName(cursor: Cursor, buffer: Buffer): string {
    while (cursor.position < cursor.end) {
      const start = cursor.skip(cursor.varint('a message name'), 'a message name')
      const entry = this.#find(buffer, start, cursor.position)
      if (entry !== undefined) return entry.plan.name
      skipArguments(cursor)
    }
    return ''
  }

  #find(buffer: Buffer, start: number, end: number): Entry | undefined {
    const entries = this.#entries
    for (let i = 0; i < entries.length; i++) {
      if (entries[i]!.plan.matches(buffer, start, end)) return entries[i]
    }
    return undefined
  }

  #newReply(): ActionReply {
    return new ActionReply(this.#names, this.#reporter, this.#spareWriters.pop() ?? new ActionWriter())
  }

  #goAsync(target: AckTarget, ids: Uint8Array, reply: ActionReply, now: number): Exchange {
    const exchange = new Exchange(target, Uint8Array.from(ids), reply, now + this.#settings.deadlineMs)
    this.#reply = this.#newReply()
    this.#open.add(exchange)
    this.#reporter.counters.inFlight++
    target.pending++
    this.#sweeper ??= setInterval(() => this.#sweep(), this.#sweepEveryMs).unref()
    return exchange
  }

  #await(exchange: Exchange, result: PromiseLike<unknown>): void {
    exchange.waiting++
    // Promise.resolve() also tames a thenable whose then() throws; a real promise passes through it.
    Promise.resolve(result).then(
      () => {
        exchange.waiting--
        if (exchange.waiting === 0 && !exchange.settled) this.#settle(exchange)
      },
      (error: unknown) => {
        this.#reporter.handlerError(error)
        if (exchange.settled) return
        // A connection that has gone needs no answer, and its fallback would only distort the counts.
        if (exchange.target.open) this.#fallback(exchange.reply, 'error', error)
        this.#settle(exchange)
      },
    )
  }

  /** Answers what would pass its deadline before the next sweep. */
  #sweep(): void {
    const until = performance.now() + this.#sweepEveryMs
    for (let exchange = this.#open.first; exchange !== undefined && exchange.expiresAt <= until;) {
      if (exchange.target.open) {
        this.#reporter.counters.deadlineAnswers++
        this.#fallback(exchange.reply, 'deadline')
      }
      this.#settle(exchange)
      exchange = this.#open.first
    }
    if (this.#open.first === undefined) {
      clearInterval(this.#sweeper)
      this.#sweeper = undefined
    }
  }

  #settle(exchange: Exchange): void {
    const { target, ids, reply } = exchange
    exchange.settled = true
    this.#open.remove(exchange)
    this.#reporter.counters.inFlight--
    target.pending--
    this.#answer(target, ids, 0, ids.length, reply, actionsLimit(target.maxFrameSize, ids.length))
    const writer = reply.release()
    if (this.#spareWriters.length < MAX_SPARE_WRITERS && writer.bytes.length <= MAX_SPARE_BYTES) {
      this.#spareWriters.push(writer)
    }
  }

  /** Discards what was set and lets the user's fallback fill the reply; a fallback that throws leaves it empty. */
  #fallback(reply: ActionReply, cause: FallbackCause, error?: unknown): void {
    reply.discard()
    try {
      const result: unknown = this.#settings.fallback?.(reply, cause, error)
      // An async fallback comes too late, but its rejection must not bring down the process.
      if (isThenable(result)) Promise.resolve(result).catch((reason: unknown) => this.#reporter.handlerError(reason))
    } catch (thrown) {
      reply.discard()
      this.#reporter.handlerError(thrown)
    }
  }

  #answer(
    target: AckTarget,
    ids: Uint8Array,
    idsStart: number,
    idsEnd: number,
    reply: ActionReply,
    limit: number,
  ): void {
    if (!target.open) {
      this.#reporter.counters.acksDropped++
      return
    }
    if (reply.actions.overflow) {
      const error = new SpopError('ERR_SPOP_ACK_TOO_BIG', limit)
      this.#reporter.counters.oversizeAcks++
      this.#reporter.report(error)
      this.#fallback(reply, 'error', error)
      if (reply.actions.overflow) reply.discard()
    }
    this.#reporter.counters.acks++
    target.sendAck(ids, idsStart, idsEnd, reply.actions)
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return value !== null && typeof value === 'object' && 'then' in value && typeof value.then === 'function'
}
