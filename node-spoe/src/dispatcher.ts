import { Answers, isThenable, tamed } from './answers.ts'
import type { Fallback, FallbackCause, MessageHandler } from './api.ts'
import { SpopError } from './errors.ts'
import type { AckTarget, Exchange } from './exchange.ts'
import { OpenExchanges } from './open-exchanges.ts'
import type { HandlerSettings, Settings } from './options.ts'
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

/** Messages that one NOTIFY may hold; HAProxy sends each message of an event or group once. */
const MAX_MESSAGES = 64

interface Entry {
  readonly plan: MessagePlan
  // oxlint-disable-next-line typescript/no-explicit-any -- see AgentOptions.messages
  readonly handler: MessageHandler<any>
  readonly sync: boolean
}

/** Handlers that came together: one NOTIFY sees those of one set only. */
interface HandlerSet {
  readonly entries: readonly Entry[]
  readonly allSync: boolean
  readonly fallback: Fallback | undefined
}

/**
 * Brings messages to their handlers and sees to it that every NOTIFY gets exactly one ACK: when the last handler is
 * done, when one failed, or at the deadline, whichever comes first.
 */
export class Dispatcher {
  readonly #settings: Settings
  readonly #reporter: Reporter
  readonly #answers: Answers
  readonly #open: OpenExchanges
  readonly #names: VariableNames
  readonly #spareWriters: ActionWriter[] = []
  /** Shared by the handlers that never return a promise: none of them runs while another one does. */
  readonly #shared: ActionReply
  #handlers: HandlerSet

  constructor(settings: Settings, reporter: Reporter) {
    this.#settings = settings
    this.#reporter = reporter
    this.#answers = new Answers(reporter)
    this.#open = new OpenExchanges(this.#answers, reporter, settings.deadlineMs, (reply) => this.#recycle(reply))
    this.#handlers = handlerSet(settings)
    this.#names = new VariableNames(settings.varPrefix)
    this.#shared = this.#newReply()
  }

  /** From the next NOTIFY on. Those that were read before keep their handlers and their fallback to the end. */
  replaceHandlers(settings: HandlerSettings): void {
    this.#handlers = handlerSet(settings)
  }

  /**
   * Handles the NOTIFY whose payload lies at the cursor; its ids are in `[idsStart, idsEnd)` of the cursor's buffer.
   * @param now when the frame was read, `performance.now()`: the deadline counts from there
   * @param refusal answer by the fallback for that cause, without calling a handler
   * @throws SpopError if the payload is malformed; no handler has been called then
   */
  notify(
    target: AckTarget,
    cursor: Cursor,
    buffer: Buffer,
    idsStart: number,
    idsEnd: number,
    now: number,
    refusal: FallbackCause | undefined,
  ): void {
    const { counters } = this.#reporter
    // Looked up once: a handler may replace them all.
    const handlers = this.#handlers
    counters.notifies++
    const limit = actionsLimit(target.maxAckSize, idsEnd - idsStart)
    const cause = refusal ?? (target.congested ? 'overload' : undefined)
    // Unless a handler that is running brought this NOTIFY itself, by session().
    let reply = this.#shared.settled ? this.#shared : this.#newReply()
    if (cause !== undefined) {
      checkMessages(cursor)
      const first = firstName(handlers.entries, cursor, buffer)
      this.#refuse(target, buffer, idsStart, idsEnd, now, reply, limit, first, handlers.fallback, cause)
      return
    }

    let begun = false
    let exchange: Exchange | undefined
    let failed = false
    let failure: unknown
    while (cursor.position < cursor.end) {
      const nameStart = cursor.skip(cursor.varint('a message name'), 'a message name')
      const entry = find(handlers.entries, buffer, nameStart, cursor.position)
      if (entry === undefined) {
        skipArguments(cursor)
        counters.unknownMessages++
        continue
      }
      const view = entry.plan.read(cursor, buffer)
      if (!begun) {
        // A frame is right or wrong as a whole; one message, the usual case, has just been read to its end.
        const more = cursor.position < cursor.end ? checkMessages(cursor) : 0
        const sync = entry.sync && (more === 0 || handlers.allSync)
        if (more >= MAX_MESSAGES || (!sync && this.#isOverloaded(target))) {
          view.close()
          const { name } = entry.plan
          this.#refuse(target, buffer, idsStart, idsEnd, now, reply, limit, name, handlers.fallback, 'overload')
          return
        }
        // Whoever may write later gets a reply that no other request ever has.
        if (!sync) reply = this.#newReply()
        reply.begin(limit, entry.plan.name, handlers.fallback)
        begun = true
      }
      counters.messages++
      let result: unknown
      let later = false
      try {
        result = entry.handler.handle(view, reply)
        later = isThenable(result)
      } catch (error) {
        failed = true
        failure ??= error
        this.#reporter.handlerError(error)
      }
      view.close()
      if (!later) continue
      const promise = result as PromiseLike<unknown>
      if (entry.sync) {
        failed = true
        failure ??= this.#notSync(entry, promise)
      } else {
        exchange ??= this.#open.open(target, buffer.subarray(idsStart, idsEnd), reply, now)
        this.#open.await(exchange, promise)
      }
    }

    if (exchange === undefined) {
      if (!begun) reply.begin(limit, '', handlers.fallback)
      if (failed) this.#answers.fallback(reply, 'error', failure)
      this.#answers.send(target, buffer, idsStart, idsEnd, reply, failed ? 'error' : 'handlers', now)
      this.#done(reply)
    } else if (failed) {
      this.#open.fail(exchange, failure)
    }
  }

  /** No more promises, please. */
  #isOverloaded(target: AckTarget): boolean {
    const { maxInFlight, maxInFlightPerConnection } = this.#settings
    return this.#reporter.counters.inFlight >= maxInFlight || target.pending >= maxInFlightPerConnection
  }

  /** Answers by the fallback, without a handler. */
  #refuse(
    target: AckTarget,
    buffer: Buffer,
    idsStart: number,
    idsEnd: number,
    now: number,
    reply: ActionReply,
    limit: number,
    message: string,
    fallback: Fallback | undefined,
    cause: FallbackCause,
  ): void {
    reply.begin(limit, message, fallback)
    if (cause === 'deadline') this.#reporter.counters.deadlineAnswers++
    else this.#reporter.counters.overloadAnswers++
    // Whoever sends on without reading gets the least there is.
    if (!target.congested) this.#answers.fallback(reply, cause)
    this.#answers.send(target, buffer, idsStart, idsEnd, reply, cause, now)
    this.#done(reply)
  }

  /** A handler that broke its word: its promise is nobody's, so that its rejection must not end the process. */
  #notSync(entry: Entry, result: PromiseLike<unknown>): SpopError {
    const error = new SpopError('ERR_SPOP_NOT_SYNC', entry.plan.name)
    this.#reporter.handlerError(error)
    tamed(result).catch((reason: unknown) => this.#reporter.handlerError(reason))
    return error
  }

  #newReply(): ActionReply {
    return new ActionReply(this.#names, this.#reporter, this.#spareWriters.pop() ?? new ActionWriter())
  }

  #done(reply: ActionReply): void {
    if (reply === this.#shared) reply.settle()
    else this.#recycle(reply)
  }

  /** Takes the writer out of a reply that is done, for the next one. */
  #recycle(reply: ActionReply): void {
    const writer = reply.release()
    if (this.#spareWriters.length < MAX_SPARE_WRITERS && writer.bytes.length <= MAX_SPARE_BYTES) {
      this.#spareWriters.push(writer)
    }
  }
}

function handlerSet({ messages, fallback }: HandlerSettings): HandlerSet {
  const entries = Object.entries(messages).map(([name, handler]) => ({
    plan: new MessagePlan(name, handler.args),
    handler,
    sync: handler.sync === true,
  }))
  return { entries, allSync: entries.every((entry) => entry.sync), fallback }
}

/** Name of the first message with a handler, for a NOTIFY whose handlers are not called. */
function firstName(entries: readonly Entry[], cursor: Cursor, buffer: Buffer): string {
  while (cursor.position < cursor.end) {
    const start = cursor.skip(cursor.varint('a message name'), 'a message name')
    const entry = find(entries, buffer, start, cursor.position)
    if (entry !== undefined) return entry.plan.name
    skipArguments(cursor)
  }
  return ''
}

function find(entries: readonly Entry[], buffer: Buffer, start: number, end: number): Entry | undefined {
  for (let i = 0; i < entries.length; i++) {
    if (entries[i]!.plan.matches(buffer, start, end)) return entries[i]
  }
  return undefined
}
