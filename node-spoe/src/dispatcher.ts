import { Answers, isThenable } from './answers.ts'
import type { FallbackCause, MessageHandler } from './api.ts'
import type { AckTarget, Exchange } from './exchange.ts'
import { OpenExchanges } from './open-exchanges.ts'
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

/** What a handler made with `async` is an instance of. */
const AsyncFunction = (async (): Promise<void> => {}).constructor

interface Entry {
  readonly plan: MessagePlan
  // oxlint-disable-next-line typescript/no-explicit-any -- see AgentOptions.messages
  readonly handler: MessageHandler<any>
  /** Its handler has returned a promise before, or is an async function: it gets a reply of its own. */
  isAsync: boolean
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
  readonly #entries: readonly Entry[]
  readonly #names: VariableNames
  readonly #spareWriters: ActionWriter[] = []
  /** Shared by all synchronous handlers; replaced when one of them turns out to be asynchronous. */
  #reply: ActionReply
  #anyAsync: boolean

  constructor(settings: Settings, reporter: Reporter) {
    this.#settings = settings
    this.#reporter = reporter
    this.#answers = new Answers(settings.fallback, reporter)
    this.#open = new OpenExchanges(this.#answers, reporter, settings.deadlineMs, (reply) => this.#recycle(reply))
    this.#entries = Object.entries(settings.messages).map(([name, handler]) => ({
      plan: new MessagePlan(name, handler.args),
      handler,
      isAsync: handler.handle instanceof AsyncFunction,
    }))
    this.#anyAsync = this.#entries.some((entry) => entry.isAsync)
    this.#names = new VariableNames(settings.varPrefix)
    this.#reply = this.#newReply()
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
    counters.notifies++
    const limit = actionsLimit(target.maxFrameSize, idsEnd - idsStart)
    const cause = refusal ?? (this.#isOverloaded(target) ? 'overload' : undefined)
    if (cause !== undefined) {
      this.#refuse(target, cursor, buffer, idsStart, idsEnd, now, limit, cause)
      return
    }

    let reply = this.#reply
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
        const several = cursor.position < cursor.end
        // A frame is right or wrong as a whole; one message, the usual case, has just been read to its end.
        if (several) checkMessages(cursor)
        if (entry.isAsync || (several && this.#anyAsync)) reply = this.#newReply()
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
        entry.isAsync = true
        this.#anyAsync = true
        // Never used for another NOTIFY: a late write cannot end up in another request's ACK.
        if (reply === this.#reply) this.#reply = this.#newReply()
        exchange ??= this.#open.open(target, buffer.subarray(idsStart, idsEnd), reply, now)
        this.#open.await(exchange, result)
      }
    }

    if (exchange === undefined) {
      if (!begun) reply.begin(limit, '')
      if (failed) this.#answers.fallback(reply, 'error', failure)
      this.#answers.send(target, buffer, idsStart, idsEnd, reply, failed ? 'error' : 'handlers', now)
      if (reply === this.#reply) reply.settle()
      else this.#recycle(reply)
    } else if (failed) {
      this.#open.fail(exchange, failure)
    }
  }

  #isOverloaded(target: AckTarget): boolean {
    const { maxInFlight, maxInFlightPerConnection } = this.#settings
    return (
      this.#reporter.counters.inFlight >= maxInFlight || target.pending >= maxInFlightPerConnection || target.congested
    )
  }

  #refuse(
    target: AckTarget,
    cursor: Cursor,
    buffer: Buffer,
    idsStart: number,
    idsEnd: number,
    now: number,
    limit: number,
    cause: FallbackCause,
  ): void {
    const reply = this.#reply
    checkMessages(cursor)
    reply.begin(limit, this.#firstName(cursor, buffer))
    if (cause === 'deadline') this.#reporter.counters.deadlineAnswers++
    else this.#reporter.counters.overloadAnswers++
    // Whoever sends on without reading gets the least there is.
    if (!target.congested) this.#answers.fallback(reply, cause)
    this.#answers.send(target, buffer, idsStart, idsEnd, reply, cause, now)
    reply.settle()
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

  /** Takes the writer out of a reply that is done, for the next one. */
  #recycle(reply: ActionReply): void {
    const writer = reply.release()
    if (this.#spareWriters.length < MAX_SPARE_WRITERS && writer.bytes.length <= MAX_SPARE_BYTES) {
      this.#spareWriters.push(writer)
    }
  }
}
