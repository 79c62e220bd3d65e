import { type Answers, tamed } from './answers.ts'
import { Exchange, ExchangeList, type AckTarget } from './exchange.ts'
import type { ActionReply } from './reply.ts'
import type { Reporter } from './report.ts'

/** NOTIFYs that wait for promises. Each is answered when the last one resolves, one rejects, or at the deadline. */
export class OpenExchanges {
  readonly #list = new ExchangeList()
  readonly #answers: Answers
  readonly #reporter: Reporter
  readonly #deadlineMs: number
  readonly #sweepEveryMs: number
  readonly #recycle: (reply: ActionReply) => void
  #sweeper: NodeJS.Timeout | undefined = undefined

  /** @param recycle gets each reply once its ACK is written */
  constructor(answers: Answers, reporter: Reporter, deadlineMs: number, recycle: (reply: ActionReply) => void) {
    this.#answers = answers
    this.#reporter = reporter
    this.#deadlineMs = deadlineMs
    this.#sweepEveryMs = Math.min(Math.max(deadlineMs / 8, 1), 10)
    this.#recycle = recycle
  }

  /** @param now when the NOTIFY was read, `performance.now()`: the deadline counts from there */
  open(target: AckTarget, ids: Uint8Array, reply: ActionReply, now: number): Exchange {
    const exchange = new Exchange(target, Uint8Array.from(ids), reply, now)
    this.#list.add(exchange)
    this.#reporter.counters.inFlight++
    target.pending++
    this.#sweeper ??= setInterval(() => this.#sweep(), this.#sweepEveryMs).unref()
    return exchange
  }

  await(exchange: Exchange, result: PromiseLike<unknown>): void {
    exchange.waiting++
    tamed(result).then(
      () => {
        exchange.waiting--
        if (exchange.waiting === 0 && !exchange.settled) this.#settle(exchange)
      },
      (error: unknown) => {
        this.#reporter.handlerError(error)
        this.fail(exchange, error)
      },
    )
  }

  /** Answers by the fallback, because a handler failed. */
  fail(exchange: Exchange, error: unknown): void {
    if (exchange.settled) return
    // A connection that has gone needs no answer, and its fallback would only distort the counts.
    if (exchange.target.open) this.#answers.fallback(exchange.reply, 'error', error)
    exchange.cause = 'error'
    this.#settle(exchange)
  }

  /** Answers what would pass its deadline before the next sweep. */
  #sweep(): void {
    const until = performance.now() + this.#sweepEveryMs - this.#deadlineMs
    for (let exchange = this.#list.first; exchange !== undefined && exchange.since <= until;) {
      if (exchange.target.open) {
        this.#reporter.counters.deadlineAnswers++
        this.#answers.fallback(exchange.reply, 'deadline')
      }
      exchange.cause = 'deadline'
      this.#settle(exchange)
      exchange = this.#list.first
    }
    if (this.#list.first === undefined) {
      clearInterval(this.#sweeper)
      this.#sweeper = undefined
    }
  }

  #settle(exchange: Exchange): void {
    const { target, ids, reply } = exchange
    exchange.settled = true
    this.#list.remove(exchange)
    this.#reporter.counters.inFlight--
    target.pending--
    this.#answers.send(target, ids, 0, ids.length, reply, exchange.cause, exchange.since)
    this.#recycle(reply)
  }
}
