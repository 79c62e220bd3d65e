import type { OutboxAnswer, OutboxRequest } from './store/outbox-calls.ts'

/** Calls to the outbox that wait for their answer from the store thread. */
export class Questions {
  readonly #send: (call: number, request: OutboxRequest) => void
  readonly #open = new Map<number, (answer: OutboxAnswer) => void>()
  #last = 0

  constructor(send: (call: number, request: OutboxRequest) => void) {
    this.#send = send
  }

  ask(request: OutboxRequest): Promise<OutboxAnswer> {
    return new Promise((resolve) => {
      const call = ++this.#last
      this.#open.set(call, resolve)
      this.#send(call, request)
    })
  }

  answer(call: number, answer: OutboxAnswer): void {
    this.#open.get(call)?.(answer)
    this.#open.delete(call)
  }

  /** Nobody will answer any more. */
  failAll(error: string): void {
    for (const resolve of this.#open.values()) resolve({ ok: false, error })
    this.#open.clear()
  }
}
