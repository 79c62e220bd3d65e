import type { FallbackCause } from './api.ts'
import { channels } from './diagnostics.ts'
import { SpopError } from './errors.ts'
import type { AckTarget } from './exchange.ts'
import type { ActionReply } from './reply.ts'
import type { Reporter } from './report.ts'

/** Why an ACK holds what it holds: the handlers wrote it, or the fallback for that cause. */
export type AnswerCause = 'handlers' | FallbackCause

/** Makes ACKs of replies, with the user's fallback where handlers gave none. */
export class Answers {
  readonly #reporter: Reporter

  constructor(reporter: Reporter) {
    this.#reporter = reporter
  }

  /** Discards what was set and lets the reply's fallback fill it; a fallback that throws leaves it empty. */
  fallback(reply: ActionReply, cause: FallbackCause, error?: unknown): void {
    reply.discard()
    try {
      const result: unknown = reply.fallback?.(reply, cause, error)
      // An async fallback comes too late, but its rejection must not bring down the process.
      if (isThenable(result)) tamed(result).catch((reason: unknown) => this.#reporter.handlerError(reason))
    } catch (thrown) {
      reply.discard()
      this.#reporter.handlerError(thrown)
    }
  }

  /**
   * Sends the ACK of the NOTIFY whose ids lie in `[idsStart, idsEnd)`, unless its connection has gone.
   * @param since when the NOTIFY was read, `performance.now()`
   */
  send(
    target: AckTarget,
    ids: Uint8Array,
    idsStart: number,
    idsEnd: number,
    reply: ActionReply,
    cause: AnswerCause,
    since: number,
  ): void {
    if (!target.open) {
      this.#reporter.counters.acksDropped++
      return
    }
    let written = cause
    if (reply.actions.overflow) {
      const error = new SpopError('ERR_SPOP_ACK_TOO_BIG', reply.limit)
      this.#reporter.counters.oversizeAcks++
      this.#reporter.report(error)
      written = 'error'
      this.fallback(reply, 'error', error)
      if (reply.actions.overflow) reply.discard()
    }
    const actionBytes = reply.actions.length
    this.#reporter.counters.acks++
    target.sendAck(ids, idsStart, idsEnd, reply.actions, since)
    // Last: a subscriber may do anything, even bring the next NOTIFY.
    if (channels.answer.hasSubscribers) {
      const { message } = reply
      const waitedMs = performance.now() - since
      channels.answer.publish({ connection: target.id, message, cause: written, actionBytes, waitedMs })
    }
  }
}

/** A promise of our own for what a stranger calls one: whatever its `then` does, it settles once, and later. */
export function tamed(value: PromiseLike<unknown>): Promise<unknown> {
  if (value instanceof Promise && value.then === Promise.prototype.then) return value
  return new Promise((resolve) => resolve(value))
}

/** @throws what a getter named `then` throws */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return value !== null && typeof value === 'object' && 'then' in value && typeof value.then === 'function'
}
