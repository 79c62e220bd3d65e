import type { ActionWriter } from './protocol/ack.ts'
import type { AnswerCause } from './answers.ts'
import type { ActionReply } from './reply.ts'

/** Where the ACKs of a connection go. */
export interface AckTarget {
  /** Number of the connection, for diagnostics. */
  readonly id: number
  /** Largest LEN of an ACK, bytes. */
  readonly maxAckSize: number
  /** False once no ACK may be sent any more. */
  readonly open: boolean
  /** True while so many answers wait to be sent that no more should be added. */
  readonly congested: boolean
  /** NOTIFYs of this connection that wait for a promise. */
  pending: number
  /** @param since when the NOTIFY was read, `performance.now()` */
  sendAck(ids: Uint8Array, idsStart: number, idsEnd: number, actions: ActionWriter, since: number): void
}

/** A NOTIFY whose ACK waits for at least one promise. */
export class Exchange {
  readonly target: AckTarget
  /** SID and FID as they came. A copy: the read buffer is gone by the time the promise resolves. */
  readonly ids: Uint8Array
  readonly reply: ActionReply
  /** When the NOTIFY was read, `performance.now()`. */
  readonly since: number
  /** Handlers that have not resolved yet. */
  waiting = 0
  cause: AnswerCause = 'handlers'
  settled = false
  previous: Exchange | undefined = undefined
  next: Exchange | undefined = undefined

  constructor(target: AckTarget, ids: Uint8Array, reply: ActionReply, since: number) {
    this.target = target
    this.ids = ids
    this.reply = reply
    this.since = since
  }
}

/** Open exchanges in the order of their deadlines. All have the same time to live, so that is nearly always the last. */
export class ExchangeList {
  first: Exchange | undefined = undefined
  #last: Exchange | undefined = undefined

  add(exchange: Exchange): void {
    let previous = this.#last
    // One that came in fragments counts from its first.
    while (previous !== undefined && previous.since > exchange.since) previous = previous.previous
    const next = previous === undefined ? this.first : previous.next
    exchange.previous = previous
    exchange.next = next
    if (previous === undefined) this.first = exchange
    else previous.next = exchange
    if (next === undefined) this.#last = exchange
    else next.previous = exchange
  }

  remove(exchange: Exchange): void {
    const { previous, next } = exchange
    if (previous === undefined) this.first = next
    else previous.next = next
    if (next === undefined) this.#last = previous
    else next.previous = previous
    exchange.previous = undefined
    exchange.next = undefined
  }
}
