import type { Socket } from 'node:net'

/** Refused sockets held at a time; what comes beyond is closed at once. */
const MAX_HELD = 256

/**
 * Sockets that are not served: too many connections, or a peer that may not connect. They are held for a while before
 * they are closed, because HAProxy up to 3.0 connects anew at once, thousands of times a second, while a request waits.
 */
export class RefusedSockets {
  readonly #holdMs: number
  readonly #held = new Map<Socket, NodeJS.Timeout>()

  constructor(holdMs: number) {
    this.#holdMs = holdMs
  }

  /** @param socket that does not read */
  refuse(socket: Socket): void {
    socket.on('error', () => {})
    if (this.#held.size >= MAX_HELD || this.#holdMs === 0) {
      socket.destroy()
      return
    }
    this.#held.set(socket, setTimeout(() => socket.destroy(), this.#holdMs).unref())
    socket.once('close', () => {
      clearTimeout(this.#held.get(socket))
      this.#held.delete(socket)
    })
  }

  closeAll(): void {
    for (const socket of this.#held.keys()) socket.destroy()
  }
}
