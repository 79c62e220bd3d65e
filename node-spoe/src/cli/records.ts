import type { SpopError } from '../errors.ts'
import type { Inspection, Message } from '../protocol/index.ts'

/** One direction of a connection, for labels. */
export interface Path {
  /** Connections are numbered from 1 as they appear. */
  readonly connection: number
  readonly from: string
  readonly to: string
}

/** Where in the input something stands. */
export interface Place {
  /** Undefined where the input is one byte stream. */
  readonly path: Path | undefined
  /** Offset in the byte stream of that direction. */
  readonly offset: number
  /** When its last byte was captured, nanoseconds since 1970. */
  readonly time: bigint | undefined
}

/** A frame as it is printed. */
export interface FrameRecord extends Place {
  /** Frames are numbered from 1 as they end. */
  readonly number: number
  /** The frame with its LEN; valid only until it is printed. */
  readonly bytes: Buffer
  /** Offsets count from LEN. */
  readonly inspection: Inspection
  /** Of an ACK: the NOTIFY it answers, and the nanoseconds between them. */
  readonly answers: { readonly number: number; readonly latency: bigint | undefined } | undefined
  /** Of the last fragment: the messages of the whole frame, or why they cannot be read. */
  readonly reassembled: readonly Message[] | SpopError | undefined
}

/** Bytes that are no frame. */
export interface BrokenRecord extends Place {
  readonly bytes: Buffer
  readonly error: SpopError
}

/** Something to know about the input between two frames. */
export interface NoteRecord extends Place {
  readonly note: 'gap' | 'skipped' | 'unfinished'
  readonly bytes: number
}

/** Writes what was found, one way or the other. */
export interface Printer {
  frame(record: FrameRecord): void
  broken(record: BrokenRecord): void
  note(record: NoteRecord): void
}
