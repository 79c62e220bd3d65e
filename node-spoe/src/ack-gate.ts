import { AckWindow } from './ack-window.ts'
import type { Output } from './output.ts'
import { ACK_HEADER_BYTES, type ActionWriter, ackSize, writeAck } from './protocol/ack.ts'
import type { Settings } from './options.ts'
import type { Reporter } from './report.ts'

/** The longest moment after which HAProxy is taken to have read, milliseconds, see AckWindow. */
const MAX_MOMENT_MS = 100

interface Held {
  /** The whole frame. */
  readonly ack: Buffer
  readonly idsLength: number
  /** When its NOTIFY was read, `performance.now()`. */
  readonly since: number
}

/**
 * Writes ACKs to the output while HAProxy's buffer has room for them (see AckWindow), and holds the others, oldest first.
 * One whose deadline comes before its turn goes out empty: HAProxy denies by default then, and an empty ACK always fits.
 */
export class AckGate {
  readonly #output: Output
  readonly #reporter: Reporter
  readonly #deadlineMs: number
  readonly #momentMs: number
  readonly #window: AckWindow
  readonly #onRelease: () => void
  #held: Held[] = []
  #timer: NodeJS.Timeout | undefined = undefined
  /** Bytes held. */
  bytes = 0

  /** @param onRelease called when ACKs that were held have been written outside of a read */
  constructor(output: Output, { deadlineMs }: Settings, reporter: Reporter, onRelease: () => void) {
    this.#output = output
    this.#reporter = reporter
    this.#deadlineMs = deadlineMs
    // An answer that has to wait still comes in time, if it was ready by half of its deadline.
    this.#momentMs = Math.min(deadlineMs / 4, MAX_MOMENT_MS)
    this.#window = new AckWindow(this.#momentMs)
    this.#onRelease = onRelease
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

  /** Writes the ACK, or holds it. The ids are in `[idsStart, idsEnd)`. */
  send(ids: Uint8Array, idsStart: number, idsEnd: number, actions: ActionWriter, since: number): void {
    const size = ackSize(idsEnd - idsStart, actions.length)
    if (this.#held.length === 0 && this.#window.fits(size)) {
      const output = this.#output
      const bytes = output.reserve(size)
      output.length = writeAck(bytes, output.length, ids, idsStart, idsEnd, actions)
      this.#sent(size)
      return
    }
    const ack = Buffer.allocUnsafe(size)
    writeAck(ack, 0, ids, idsStart, idsEnd, actions)
    this.#held.push({ ack, idsLength: idsEnd - idsStart, since })
    this.bytes += size
    this.#reporter.counters.acksHeld++
    this.#timer ??= setTimeout(() => this.#look(), this.#momentMs).unref()
  }

  /** Writes what was held and fits at `now`. */
  release(now: number): void {
    let released = 0
    for (const { ack, idsLength, since } of this.#held) {
      const late = now - since >= this.#deadlineMs
      if (!late && !this.#window.fits(ack.length)) break
      const frame = late ? empty(ack, idsLength) : ack
      if (late) this.#reporter.counters.deadlineAnswers++
      this.#output.append(frame)
      this.#sent(frame.length)
      this.bytes -= ack.length
      released++
    }
    if (released > 0) this.#held = this.#held.slice(released)
  }

  /** Writes all that was held: the connection ends, and better too early than never. */
  releaseAll(): void {
    for (const { ack } of this.#held) {
      this.#output.append(ack)
      this.#sent(ack.length)
    }
    this.#clear()
  }

  /** The connection has gone. */
  drop(): void {
    this.#reporter.counters.acksDropped += this.#held.length
    this.#clear()
  }

  #clear(): void {
    this.#held = []
    this.bytes = 0
    clearTimeout(this.#timer)
  }

  #sent(size: number): void {
    this.#window.sent(size)
    this.#reporter.counters.framesOut++
  }

  #look(): void {
    const now = performance.now()
    this.#window.tick(now)
    this.release(now)
    this.#timer = this.#held.length > 0 ? setTimeout(() => this.#look(), this.#momentMs).unref() : undefined
    this.#onRelease()
  }
}

/** The ACK without its actions. */
function empty(ack: Buffer, idsLength: number): Buffer {
  const frame = ack.subarray(0, ACK_HEADER_BYTES + idsLength)
  frame.writeUInt32BE(frame.length - 4, 0)
  return frame
}
