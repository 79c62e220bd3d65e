import { AckWindow } from './ack-window.ts'
import { ACK_HEADER_BYTES } from './protocol/ack.ts'
import type { Output } from './output.ts'

interface Held {
  /** The whole frame. */
  readonly ack: Buffer
  readonly idsLength: number
  /** When its NOTIFY was read, `performance.now()`. */
  readonly since: number
}

/**
 * Lets ACKs out while HAProxy's buffer has room for them (see AckWindow), and holds the others, oldest first. One whose
 * deadline comes before its turn goes out empty: HAProxy denies by default then, and an empty ACK always fits.
 */
export class AckGate {
  readonly #window: AckWindow
  readonly #deadlineMs: number
  #held: Held[] = []
  /** Bytes held. */
  bytes = 0

  constructor(momentMs: number, deadlineMs: number) {
    this.#window = new AckWindow(momentMs)
    this.#deadlineMs = deadlineMs
  }

  /** ACKs held. */
  get count(): number {
    return this.#held.length
  }

  /** HAPROXY-HELLO has come. */
  open(bufsize: number, capabilities: string): void {
    this.#window.open(bufsize, capabilities)
  }

  /** Tells the time, `performance.now()`. */
  tick(now: number): void {
    this.#window.tick(now)
  }

  /** A NOTIFY has come. */
  notify(): void {
    this.#window.notify()
  }

  /** Whether an ACK of so many bytes may be sent now. */
  admits(size: number): boolean {
    return this.#held.length === 0 && this.#window.fits(size)
  }

  sent(size: number): void {
    this.#window.sent(size)
  }

  hold(ack: Buffer, idsLength: number, since: number): void {
    this.#held.push({ ack, idsLength, since })
    this.bytes += ack.length
  }

  /** Moves what may be sent at `now` to the output. Returns how many went out empty, because they had waited too long. */
  release(now: number, output: Output): number {
    let emptied = 0
    let released = 0
    for (const { ack, idsLength, since } of this.#held) {
      const late = now - since >= this.#deadlineMs
      if (!late && !this.#window.fits(ack.length)) break
      const frame = late ? empty(ack, idsLength) : ack
      if (late) emptied++
      output.append(frame)
      this.#window.sent(frame.length)
      this.bytes -= ack.length
      released++
    }
    this.#held = this.#held.slice(released)
    return emptied
  }

  /** Moves everything to the output: the connection ends, and better too early than never. */
  releaseAll(output: Output): void {
    for (const { ack } of this.#held) output.append(ack)
    this.drop()
  }

  drop(): void {
    this.#held = []
    this.bytes = 0
  }
}

/** The ACK without its actions. */
function empty(ack: Buffer, idsLength: number): Buffer {
  const frame = ack.subarray(0, ACK_HEADER_BYTES + idsLength)
  frame.writeUInt32BE(frame.length - 4, 0)
  return frame
}
