import { SpopError } from '../errors.ts'
import { FLAG_ABORT, FLAG_FIN, FrameType } from './frame.ts'
import type { Action, Frame, FrameBody, FrameFlags, Message, NamedValue, VariableScope } from './model.ts'
import { readTypedValue } from './typed-value.ts'
import { Type, readInteger } from './values.ts'
import { SCOPES } from './variable.ts'
import { Cursor } from './varint.ts'

/** What {@link inspectFrame} found. */
export interface Inspection {
  /** The frame; where `error` is set, with what was decoded before it. Undefined if not even the header could be read. */
  readonly frame: Frame | undefined
  /** Why decoding stopped before the end. */
  readonly error?: SpopError
  /** Where: offset in the buffer of the element that could not be decoded. */
  readonly errorOffset?: number
}

const SCOPE_NAMES = Object.keys(SCOPES) as VariableScope[]
const ACTIONS = { 1: { action: 'set-var', args: 3 }, 2: { action: 'unset-var', args: 2 } } as const

/**
 * Decodes the frame in `[start, end)`, which begins with TYPE: the bytes behind LEN, as {@link FrameSplitter} hands them
 * on. Never throws, and nothing of the result points into the buffer.
 *
 * It reads what the bytes say, whoever would be allowed to say it: ids in a HELLO, a repeated key or an ACK without FIN
 * are no error here.
 */
export function inspectFrame(buffer: Buffer, start = 0, end = buffer.length): Inspection {
  return new FrameDecoder(buffer, start, end).inspect()
}

/**
 * Decodes the frame in `[start, end)`, the bytes behind LEN. Of a whole frame therefore `decodeFrame(bytes, 4)`.
 *
 * @throws SpopError ERR_SPOP_TRUNCATED, ERR_SPOP_VARINT, ERR_SPOP_VALUE_TYPE, ERR_SPOP_ACTION, with `offset`
 */
export function decodeFrame(buffer: Buffer, start = 0, end = buffer.length): Frame {
  const { frame, error } = inspectFrame(buffer, start, end)
  if (error !== undefined || frame === undefined) throw error ?? new SpopError('ERR_SPOP_INTERNAL')
  return frame
}

/**
 * Decodes the LIST-OF-MESSAGES of a NOTIFY put together from its fragments.
 *
 * @throws SpopError like {@link decodeFrame}
 */
export function decodeMessages(payload: Buffer): Message[] {
  return new FrameDecoder(payload, 0, payload.length).messages()
}

class FrameDecoder {
  readonly #buffer: Buffer
  readonly #cursor = new Cursor()
  /** Start of the element being read. */
  #at: number

  constructor(buffer: Buffer, start: number, end: number) {
    this.#buffer = buffer
    this.#cursor.reset(buffer, start, Math.min(end, buffer.length))
    this.#at = start
  }

  /**
   * TYPE   u8
   * FLAGS  u32 big-endian: bit 0 FIN, bit 1 ABORT
   * SID    varint
   * FID    varint
   * payload                             (SPOE.txt 3.2)
   */
  inspect(): Inspection {
    let frame: Frame | undefined
    const lists: Lists = { kv: [], messages: [], actions: [] }
    try {
      const typeCode = this.#byte('the frame type')
      const flags = this.#flags()
      const streamId = this.#id('the stream-id')
      const frameId = this.#id('the frame-id')
      frame = { flags, streamId, frameId, ...this.#body(typeCode, flags, lists) }
      this.#fill(frame, lists)
      return { frame }
    } catch (caught) {
      const error = this.#located(caught)
      return { frame, error, errorOffset: this.#at }
    }
  }

  /** @throws SpopError with `offset` */
  messages(): Message[] {
    const list: MutableMessage[] = []
    try {
      this.#messages(list)
    } catch (caught) {
      throw this.#located(caught)
    }
    return list
  }

  #body(typeCode: number, flags: FrameFlags, { kv, messages, actions }: Lists): FrameBody {
    switch (typeCode) {
      case FrameType.HAPROXY_HELLO:
        return { type: 'HAPROXY-HELLO', kv }
      case FrameType.HAPROXY_DISCONNECT:
        return { type: 'HAPROXY-DISCONNECT', kv }
      case FrameType.AGENT_HELLO:
        return { type: 'AGENT-HELLO', kv }
      case FrameType.AGENT_DISCONNECT:
        return { type: 'AGENT-DISCONNECT', kv }
      // A piece of a list may be cut at any byte, so there is nothing to decode in it.
      case FrameType.NOTIFY:
        return flags.fin ? { type: 'NOTIFY', messages } : { type: 'NOTIFY', messages, payload: this.#rest() }
      case FrameType.ACK:
        return flags.fin ? { type: 'ACK', actions } : { type: 'ACK', actions, payload: this.#rest() }
      case FrameType.UNSET:
        return { type: 'UNSET', payload: this.#rest() }
      default:
        return { type: 'UNKNOWN', typeCode, payload: this.#rest() }
    }
  }

  /** Reads the lists of a frame that already exists, so that what comes before an error is kept. */
  #fill(frame: Frame, lists: Lists): void {
    if ('kv' in frame) this.#kv(lists.kv)
    else if (frame.type === 'NOTIFY') this.#messages(lists.messages)
    else if (frame.type === 'ACK') this.#actions(lists.actions)
  }

  /** KV-LIST  (name value)*     up to the end of the frame (SPOE.txt 3.2.4) */
  #kv(list: NamedValue[]): void {
    while (this.#more()) list.push(this.#named('a key'))
  }

  /** LIST-OF-MESSAGES  (name nb-args:u8 (name value)*)*     up to the end of the frame (SPOE.txt 3.2.6) */
  #messages(list: MutableMessage[]): void {
    while (this.#more()) {
      const message: MutableMessage = { name: this.#name('a message name'), args: [] }
      list.push(message)
      for (let left = this.#byte('the number of arguments'); left > 0; left--) {
        message.args.push(this.#named('an argument name'))
      }
    }
  }

  /**
   * LIST-OF-ACTIONS  (set-var | unset-var)*     up to the end of the frame (SPOE.txt 3.2.7, 3.4)
   *   set-var        01 03 scope:u8 name value
   *   unset-var      02 02 scope:u8 name
   */
  #actions(list: Action[]): void {
    while (this.#more()) {
      const code = this.#byte('an action')
      const known = ACTIONS[code as keyof typeof ACTIONS]
      if (known === undefined) throw new SpopError('ERR_SPOP_ACTION', `of type ${code}, neither set-var nor unset-var`)
      const args = this.#byte('the number of arguments')
      if (args !== known.args) {
        throw new SpopError('ERR_SPOP_ACTION', `${known.action} with ${args} arguments instead of ${known.args}`)
      }
      const scopeCode = this.#byte('a scope')
      const scope = SCOPE_NAMES[scopeCode]
      if (scope === undefined)
        throw new SpopError('ERR_SPOP_ACTION', `${known.action} of the unknown scope ${scopeCode}`)
      const name = this.#name('a variable name')
      list.push(
        known.action === 'set-var'
          ? { action: 'set-var', scope, name, ...this.#value() }
          : { action: 'unset-var', scope, name },
      )
    }
  }

  #more(): boolean {
    return this.#cursor.position < this.#cursor.end
  }

  #byte(what: string): number {
    this.#at = this.#cursor.position
    return this.#cursor.byte(what)
  }

  #flags(): FrameFlags {
    this.#at = this.#cursor.position
    const raw = this.#buffer.readUInt32BE(this.#cursor.skip(4, 'the frame flags'))
    return { fin: (raw & FLAG_FIN) !== 0, abort: (raw & FLAG_ABORT) !== 0, raw }
  }

  #id(what: string): number | bigint {
    this.#at = this.#cursor.position
    this.#cursor.skipVarint(what)
    return readInteger(Type.UINT64, this.#buffer, this.#at, this.#cursor.position)
  }

  #name(what: string): string {
    this.#at = this.#cursor.position
    const start = this.#cursor.skip(this.#cursor.varint(what), what)
    return this.#buffer.toString('latin1', start, this.#cursor.position)
  }

  #named(what: string): NamedValue {
    const name = this.#name(what)
    return { name, ...this.#value() }
  }

  #value(): ReturnType<typeof readTypedValue> {
    this.#at = this.#cursor.position
    return readTypedValue(this.#cursor, this.#buffer)
  }

  #rest(): Buffer {
    const { position, end } = this.#cursor
    this.#cursor.position = end
    return Buffer.from(this.#buffer.subarray(position, end))
  }

  #located(caught: unknown): SpopError {
    const error = caught instanceof SpopError ? caught : new SpopError('ERR_SPOP_INTERNAL')
    error.offset = this.#at
    return error
  }
}

interface MutableMessage extends Message {
  readonly args: NamedValue[]
}

interface Lists {
  readonly kv: NamedValue[]
  readonly messages: MutableMessage[]
  readonly actions: Action[]
}
