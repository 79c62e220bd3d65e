/** One strict event on its way to the disk. */
export interface Ticket {
  readonly number: number
  /** Whether it is on disk; never rejects. */
  readonly stored: Promise<boolean>
  /** The request was let through: the event may be delivered. */
  keep(): void
  /** It was not, after all: the event must have no effect. */
  refuse(): void
}

class OpenTicket implements Ticket {
  readonly number: number
  readonly stored: Promise<boolean>
  readonly #answer: (number: number, kept: boolean) => void
  settle!: (stored: boolean) => void
  #answered = false

  constructor(number: number, answer: (number: number, kept: boolean) => void) {
    this.number = number
    this.#answer = answer
    this.stored = new Promise((resolve) => (this.settle = resolve))
  }

  keep(): void {
    this.#once(true)
  }

  refuse(): void {
    this.#once(false)
  }

  #once(kept: boolean): void {
    if (this.#answered) return
    this.#answered = true
    this.#answer(this.number, kept)
  }
}

/** Numbers are 32 bits in a packet, and 0 is none. */
const LAST = 0xffff_ffff

/** Strict events between the request and its answer: what the store thread says of them, and what it is told. */
export class Tickets {
  readonly #wake: () => void
  readonly #open = new Map<number, OpenTicket>()
  #last = 0
  #kept: number[] = []
  #refused: number[] = []

  /** @param wake told when there is something for the store thread */
  constructor(wake: () => void) {
    this.#wake = wake
  }

  issue(): Ticket {
    this.#last = this.#last === LAST ? 1 : this.#last + 1
    const ticket = new OpenTicket(this.#last, (number, kept) => {
      ;(kept ? this.#kept : this.#refused).push(number)
      this.#wake()
    })
    this.#open.set(ticket.number, ticket)
    return ticket
  }

  /** The event was not taken, so there is nothing to tell of it. */
  withdraw(ticket: Ticket): void {
    this.#open.delete(ticket.number)
  }

  /** What the store thread says. */
  settle(stored: readonly number[], failed: readonly number[]): void {
    for (const number of stored) this.#settle(number, true)
    for (const number of failed) this.#settle(number, false)
  }

  /** The threads are gone: nobody knows what they had stored. */
  failAll(): void {
    for (const number of this.#open.keys()) this.#settle(number, false)
    this.#kept = []
    this.#refused = []
  }

  /** Tickets whose requests were let through since the last time: all of events that the store thread has said to have. */
  takeKept(): number[] {
    const kept = this.#kept
    if (kept.length > 0) this.#kept = []
    return kept
  }

  /** Tickets whose requests were refused since the last time: also of events that the store thread does not have yet. */
  takeRefused(): number[] {
    const refused = this.#refused
    if (refused.length > 0) this.#refused = []
    return refused
  }

  #settle(number: number, stored: boolean): void {
    this.#open.get(number)?.settle(stored)
    this.#open.delete(number)
  }
}
