import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { Socket } from 'node:net'

/** Where Node tells of them. */
const CHANNEL = 'net.client.socket'
/** Milliseconds that sockets may take to say goodbye. A peer that does not answer any more must not hold a stop up. */
const GRACE_MS = 250

/**
 * The sockets that this thread opens. gRPC only begins to close its connections, and keeps no thread alive for it: a thread
 * that ended then would take sessions down that are in the middle of their work.
 */
export class OpenSockets {
  readonly #open = new Set<Socket>()
  readonly #graceMs: number
  #lastClosed: (() => void) | undefined
  readonly #opened = (message: unknown): void => {
    const { socket } = message as { readonly socket: Socket }
    this.#open.add(socket)
    socket.once('close', () => {
      this.#open.delete(socket)
      if (this.#open.size === 0) this.#lastClosed?.()
    })
  }

  constructor(graceMs = GRACE_MS) {
    this.#graceMs = graceMs
    subscribe(CHANNEL, this.#opened)
  }

  /** Resolves when all are closed. Those that do not close by themselves are destroyed. */
  async close(): Promise<void> {
    // Again and again: one more may have been dialled meanwhile.
    const late = setInterval(() => {
      for (const socket of this.#open) socket.destroy()
    }, this.#graceMs)
    if (this.#open.size > 0) await new Promise<void>((resolve) => (this.#lastClosed = resolve))
    clearInterval(late)
    unsubscribe(CHANNEL, this.#opened)
    // A session that loses its socket is destroyed in a turn of its own.
    await new Promise((resolve) => setImmediate(resolve))
  }
}
