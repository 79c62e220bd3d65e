/** Takes what a {@link TcpStream} puts together. */
export interface StreamSink {
  /** Bytes in order. They begin where a segment began, unless it repeated bytes that had come before. */
  data(bytes: Buffer, time: bigint | undefined): void
  /** That many bytes are not in the capture. */
  gap(missing: number): void
}

interface Held {
  readonly sequence: number
  readonly payload: Buffer
  readonly length: number
  readonly time: bigint | undefined
}

/** What one stream may hold while it waits for a missing segment; a window is seldom larger. */
const MAX_HELD_BYTES = 1024 * 1024
const MAX_HELD_SEGMENTS = 1024
/** What an entry costs beside its bytes, roughly, so that hostile tiny segments count as what they take. */
const HELD_OVERHEAD = 128

/** Distance of sequence numbers, which wrap (RFC 9293 3.4). */
function distance(from: number, to: number): number {
  return (to - from) | 0
}

/**
 * One direction of a TCP connection put together from its segments: in order, once, and with a word about what is
 * missing. Where two segments claim the same bytes the first counts.
 */
export class TcpStream {
  readonly #sink: StreamSink
  /** Sequence number of the next byte; undefined until the first segment. */
  #next: number | undefined = undefined
  /** Ahead of a hole, by sequence number. */
  #held: Held[] = []
  #heldBytes = 0

  constructor(sink: StreamSink) {
    this.#sink = sink
  }

  /** Bytes of memory that wait for a missing segment. */
  get held(): number {
    return this.#heldBytes
  }

  /** @param length on the wire; the capture may hold less of the payload */
  segment(sequence: number, payload: Buffer, length: number, time: bigint | undefined): void {
    this.#next ??= sequence
    if (length === 0) return
    if (distance(this.#next, sequence) > 0) {
      this.#hold({ sequence, payload, length, time })
      return
    }
    this.#deliver({ sequence, payload, length, time })
    this.#release()
  }

  /** Where the first byte will be, from a SYN. */
  start(sequence: number): void {
    this.#next ??= sequence
  }

  /** Whether nothing has come since a start at this sequence number. */
  expects(sequence: number): boolean {
    return this.#next === sequence >>> 0
  }

  /** The other side has these bytes: what is missing before them was sent, and only the capture lacks it. */
  acknowledged(sequence: number): void {
    while (this.#held.length > 0 && distance(this.#held[0]!.sequence, sequence) > 0) this.#skipHole()
  }

  /** No more segments will come. */
  finish(): void {
    while (this.#held.length > 0) this.#skipHole()
  }

  #hold(held: Held): void {
    let at = this.#held.length
    while (at > 0 && distance(this.#held[at - 1]!.sequence, held.sequence) < 0) at--
    if (this.#held[at - 1]?.sequence === held.sequence && this.#held[at - 1]!.length >= held.length) return
    // A copy: the packet's bytes lie in a large read, which a reference would keep alive.
    this.#held.splice(at, 0, { ...held, payload: Buffer.from(held.payload) })
    this.#heldBytes += held.payload.length + HELD_OVERHEAD
    while (this.#held.length > MAX_HELD_SEGMENTS || this.#heldBytes > MAX_HELD_BYTES) this.#skipHole()
  }

  /** Gives up waiting for what is missing before the first held segment. */
  #skipHole(): void {
    const { sequence } = this.#held[0]!
    this.#sink.gap(distance(this.#next!, sequence))
    this.#next = sequence
    this.#release()
  }

  #release(): void {
    let count = 0
    while (count < this.#held.length && distance(this.#next!, this.#held[count]!.sequence) <= 0) {
      const held = this.#held[count++]!
      this.#heldBytes -= held.payload.length + HELD_OVERHEAD
      this.#deliver(held)
    }
    if (count > 0) this.#held = this.#held.slice(count)
  }

  #deliver({ sequence, payload, length, time }: Held): void {
    const known = distance(sequence, this.#next!)
    if (known >= length) return
    this.#next = (sequence + length) >>> 0
    const fresh = payload.subarray(known)
    if (fresh.length > 0) this.#sink.data(fresh, time)
    const missing = length - Math.max(payload.length, known)
    if (missing > 0) this.#sink.gap(missing)
  }
}
