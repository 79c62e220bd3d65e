import { Conversation } from './conversation.ts'
import { FrameAssembler } from './frame-assembler.ts'
import type { Path, Printer } from './records.ts'
import type { Segment } from './tcp-segment.ts'
import { TcpStream } from './tcp-stream.ts'

/** What the connections of one capture share. */
export interface Numbering {
  frames: number
  connections: number
}

/** One direction: segments to bytes to frames. */
interface Direction {
  readonly stream: TcpStream
  readonly assembler: FrameAssembler
}

/**
 * A captured TCP connection. Which ports are SPOP is not known, so one is told only from its first frame on; what comes
 * before, in a connection that never has one, is some other protocol and none of our business.
 *
 * @see {@link FrameAssembler} for how the first frame is recognised
 */
export class CapturedConnection {
  readonly #printer: Printer
  readonly #numbering: Numbering
  /** Every byte counts as SPOP from the SYN on: the user named the port. */
  readonly #certain: boolean
  readonly #conversation = new Conversation()
  readonly #directions = new Map<string, Direction>()
  readonly #ends: readonly [string, string]
  /** Undefined until there is something to tell. */
  #number: number | undefined = undefined
  #carriedData = false

  constructor(printer: Printer, numbering: Numbering, certain: boolean, ends: readonly [string, string]) {
    this.#printer = printer
    this.#numbering = numbering
    this.#certain = certain
    this.#ends = ends
  }

  /** Whether bytes came, and none of them were SPOP. */
  get isOther(): boolean {
    return this.#carriedData && this.#number === undefined
  }

  /** Whether this SYN is the one the connection began with, sent again. */
  hasBegunWith(segment: Segment): boolean {
    return this.#directions.get(segment.source)?.stream.expects(segment.sequence + 1) ?? false
  }

  /** Bytes of memory kept for what may still come. */
  get held(): number {
    let held = this.#conversation.held
    for (const { stream, assembler } of this.#directions.values()) held += stream.held + assembler.held
    return held
  }

  add(segment: Segment, time: bigint | undefined): void {
    const direction = this.#direction(segment)
    if (segment.length > 0) this.#carriedData = true
    if (segment.acknowledged !== undefined) {
      this.#directions.get(segment.destination)?.stream.acknowledged(segment.acknowledged)
    }
    const sequence = segment.syn ? (segment.sequence + 1) >>> 0 : segment.sequence
    if (segment.syn) direction.stream.start(sequence)
    direction.stream.segment(sequence, segment.payload, segment.length, time)
  }

  /** No more packets will come. */
  finish(): void {
    for (const [from, { stream, assembler }] of this.#directions) {
      stream.finish()
      if (this.#number === undefined) continue
      assembler.finish()
      const { length } = assembler.unfinished
      if (length > 0) {
        const place = { path: this.#path(from), offset: assembler.offset, time: undefined }
        this.#printer.note({ ...place, note: 'unfinished', bytes: length })
      }
    }
  }

  #direction({ source, syn }: Segment): Direction {
    const known = this.#directions.get(source)
    if (known !== undefined) return known
    const note = (kind: 'gap' | 'skipped', bytes: number): void => {
      const { offset } = assembler
      this.#printer.note({ path: this.#path(source), offset, time: undefined, note: kind, bytes })
    }
    const assembler = new FrameAssembler(
      {
        frame: (bytes, offset, time) => {
          const place = { path: this.#path(source), offset, time }
          this.#printer.frame(this.#conversation.record(++this.#numbering.frames, bytes, place))
        },
        broken: (error, bytes, offset, time) =>
          this.#printer.broken({ path: this.#path(source), offset, time, error, bytes }),
        skipped: (bytes) => note('skipped', bytes),
      },
      this.#certain && syn,
    )
    const stream = new TcpStream({
      data: (bytes, time) => assembler.push(bytes, time),
      gap: (missing) => {
        // In a connection that may be anything, a hole says nothing.
        if (this.#certain || this.#number !== undefined) note('gap', missing)
        assembler.gap(missing)
      },
    })
    const direction = { stream, assembler }
    this.#directions.set(source, direction)
    return direction
  }

  #path(from: string): Path {
    this.#number ??= ++this.#numbering.connections
    return { connection: this.#number, from, to: from === this.#ends[0] ? this.#ends[1] : this.#ends[0] }
  }
}
