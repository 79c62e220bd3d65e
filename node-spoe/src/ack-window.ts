/** NOTIFYs that HAProxy 3.1+ leaves unanswered on a connection at most, if it offers pipelining. */
const HAPROXY_WINDOW = 20

/**
 * Keeps the ACKs that HAProxy may not have read yet shorter than its buffer. HAProxy 3.2 (3.2.26 tried) never reads a
 * connection again once a single read of it has filled `tune.bufsize`, which is what it offers as max-frame-size and 4:
 * every request on that connection then waits for `timeout processing`.
 *
 * Nothing tells this end what has been read, so the lesser of two bounds counts. The firm one: the last 20 ACKs, less one
 * for each unanswered NOTIFY, because HAProxy has no more than 20 open. And a guess: what was written a moment ago,
 * because HAProxy reads at once unless it stands still. An answer below 819 bytes never has to wait.
 *
 * HAProxy that offers `async` is older than 3.1 and has no such fault.
 */
export class AckWindow {
  readonly #momentMs: number
  #limit = Number.MAX_SAFE_INTEGER
  #open = HAPROXY_WINDOW
  /** Bytes of the last ACKs, a ring. */
  readonly #sizes = new Int32Array(HAPROXY_WINDOW)
  #next = 0
  /** NOTIFYs taken and ACKs sent. */
  #notifies = 0
  #acks = 0
  /** Bytes written in the moment that began at `#since`, and in the one before it. */
  #now = 0
  #before = 0
  #since = 0

  /** @param momentMs after twice so many milliseconds at the latest, what was written counts as read */
  constructor(momentMs: number) {
    this.#momentMs = momentMs
  }

  /** @param bufsize HAProxy's buffer, bytes @param capabilities what it offers, comma-separated */
  open(bufsize: number, capabilities: string): void {
    const offers = capabilities.split(',').map((capability) => capability.trim())
    if (offers.includes('async')) return
    this.#limit = bufsize - 1
    // It has only one NOTIFY open then, so whatever was sent before has been read.
    this.#open = offers.includes('pipelining') ? HAPROXY_WINDOW : 1
  }

  /** Tells the time, `performance.now()`. */
  tick(now: number): void {
    const passed = now - this.#since
    if (passed < this.#momentMs) return
    this.#before = passed < 2 * this.#momentMs ? this.#now : 0
    this.#now = 0
    this.#since = now
  }

  notify(): void {
    this.#notifies++
  }

  /** Whether an ACK of so many bytes can be written now. The first one always can. */
  fits(size: number): boolean {
    const recent = this.#now + this.#before
    return recent + size <= this.#limit || recent === 0 || this.#lastAcks() + size <= this.#limit
  }

  sent(size: number): void {
    this.#acks++
    this.#now += size
    this.#sizes[this.#next] = size
    this.#next = this.#next === HAPROXY_WINDOW - 1 ? 0 : this.#next + 1
  }

  /** Bytes of the ACKs that may be unread, by the number of NOTIFYs that are open for HAProxy at most. */
  #lastAcks(): number {
    // The one about to be sent is among the unanswered; it is not in the ring yet.
    const unanswered = Math.max(1, this.#notifies - this.#acks)
    let sum = 0
    for (let back = 1; back <= this.#open - unanswered; back++) {
      sum += this.#sizes[(this.#next - back + 2 * HAPROXY_WINDOW) % HAPROXY_WINDOW]!
    }
    return sum
  }
}
