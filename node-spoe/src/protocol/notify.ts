import type { ArgType } from '../api.ts'
import { SpopError } from '../errors.ts'
import { ABSENT, FIELD_WIDTH, FrameView } from './view.ts'
import { skipValue } from './values.ts'
import type { Cursor } from './varint.ts'

/**
 * LIST-OF-MESSAGES  (name nb-args:u8 (name value)*)*     up to the end of the frame; may be empty (SPOE.txt 3.2.6)
 * name              varint length, bytes; an argument's may be empty
 * value             typed data
 */

/**
 * Walks over the rest of a list and throws where it is malformed, before any handler has acted on half a frame.
 * Returns how many messages it holds.
 */
export function checkMessages(cursor: Cursor): number {
  const start = cursor.position
  let count = 0
  while (cursor.position < cursor.end) {
    cursor.skip(cursor.varint('a message name'), 'a message name')
    skipArguments(cursor)
    count++
  }
  cursor.position = start
  return count
}

/** Moves past nb-args and the arguments of a message nobody handles. */
export function skipArguments(cursor: Cursor): void {
  for (let left = cursor.byte('the number of arguments'); left > 0; left--) {
    cursor.skip(cursor.varint('an argument name'), 'an argument name')
    skipValue(cursor, cursor.byte('an argument type'))
  }
}

/**
 * Reads the messages of one name. HAProxy sends the same arguments in the same order every time, so the plan remembers
 * which declared argument stood at which position and only compares its bytes; where that fails it searches.
 */
export class MessagePlan {
  readonly name: string
  readonly #nameBytes: Buffer
  /** Declared argument names, by slot. */
  readonly #names: readonly Buffer[]
  /** Slot that stood at each position last time; nb-args is one byte, so 255 are enough. */
  readonly #guess = new Uint16Array(256)
  /**
   * One for all messages of this name: it is closed as soon as a handler returns, so a handler that kept it finds it
   * closed whenever it gets to run again.
   */
  readonly #view: FrameView
  readonly #args: Readonly<Record<string, ArgType>>

  constructor(name: string, args: Readonly<Record<string, ArgType>>) {
    const declared = Object.keys(args)
    this.name = name
    // UTF-8, like the spoe.conf in which the same names stand.
    this.#nameBytes = Buffer.from(name)
    this.#names = declared.map((arg) => Buffer.from(arg))
    this.#args = args
    this.#view = this.#newView()
  }

  #newView(): FrameView {
    const slots = new Map(Object.keys(this.#args).map((arg, slot) => [arg, slot]))
    return new FrameView(this.name, Object.values(this.#args), slots)
  }

  /** Whether the bytes in `[start, end)` are this message's name. */
  matches(buffer: Uint8Array, start: number, end: number): boolean {
    return sameBytes(this.#nameBytes, buffer, start, end)
  }

  /**
   * Reads nb-args and the arguments into the view and opens it. Of two arguments with one name the last counts.
   * This loop is the hottest of the library: lengths below 240 are read in place, only longer ones by the cursor.
   */
  read(cursor: Cursor, buffer: Buffer): FrameView {
    // A handler may bring the next message itself, by session(), while it still reads this one.
    const view = this.#view.isOpen ? this.#newView() : this.#view
    const fields = view.fields
    for (let i = 0; i < fields.length; i += FIELD_WIDTH) fields[i] = ABSENT
    const count = cursor.byte('the number of arguments')
    const end = cursor.end
    let at = cursor.position
    for (let position = 0; position < count; position++) {
      let length = at < end ? buffer[at]! : 240
      if (length < 240) {
        at++
      } else {
        cursor.position = at
        length = cursor.varint('an argument name')
        at = cursor.position
      }
      // The type byte must follow the name.
      if (length >= end - at) throw new SpopError('ERR_SPOP_TRUNCATED', 'an argument')
      const slot = this.#slotAt(position, buffer, at, at + length)
      at += length
      const typeByte = buffer[at++]!
      cursor.position = at
      const start = skipValue(cursor, typeByte)
      at = cursor.position
      if (slot >= 0) {
        const field = slot * FIELD_WIDTH
        fields[field] = typeByte
        fields[field + 1] = start
        fields[field + 2] = at
      }
    }
    view.open(buffer)
    return view
  }

  #slotAt(position: number, buffer: Uint8Array, start: number, end: number): number {
    const guess = this.#guess[position]!
    const expected = this.#names[guess]
    if (expected !== undefined && sameBytes(expected, buffer, start, end)) return guess
    for (let slot = 0; slot < this.#names.length; slot++) {
      if (sameBytes(this.#names[slot]!, buffer, start, end)) {
        this.#guess[position] = slot
        return slot
      }
    }
    return -1
  }
}

function sameBytes(expected: Uint8Array, buffer: Uint8Array, start: number, end: number): boolean {
  if (end - start !== expected.length) return false
  for (let i = 0; i < expected.length; i++) {
    if (expected[i] !== buffer[start + i]) return false
  }
  return true
}
