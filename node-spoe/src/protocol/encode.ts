import { SpopError } from '../errors.ts'
import { FLAG_ABORT, FLAG_FIN, FrameType } from './frame.ts'
import type { Action, FrameBody, FrameInput, Message, NamedValue } from './model.ts'
import { writeTypedValue } from './typed-value.ts'
import { SCOPES } from './variable.ts'
import { ByteWriter } from './writer.ts'

const MAX_ID = 2n ** 64n - 1n
/** nb-args is one byte. */
const MAX_ARGS = 255

/**
 * Encodes a whole frame, LEN included.
 *
 *   LEN    u32 big-endian
 *   TYPE   u8
 *   FLAGS  u32 big-endian: bit 0 FIN, bit 1 ABORT
 *   SID    varint
 *   FID    varint
 *   payload                             (SPOE.txt 3.2)
 *
 * Anything that the wire can carry is encoded, whether the protocol allows it at that place or not. For a frame without
 * FIN, `payload` counts instead of messages or actions.
 *
 * @throws SpopError ERR_SPOP_ENCODE for an id or integer out of range, a character above U+00FF in a STRING or name, no
 *   address, an unknown type or scope, more than 255 arguments
 */
export function encodeFrame(frame: FrameInput): Buffer {
  const writer = new ByteWriter()
  writer.uint32(0)
  writer.byte(typeCode(frame))
  writer.uint32(flagBits(frame.flags))
  writer.varint(id(frame.streamId, 'the stream-id'))
  writer.varint(id(frame.frameId, 'the frame-id'))
  writeBody(writer, frame)
  const { bytes } = writer
  bytes.writeUInt32BE(bytes.length - 4)
  return bytes
}

/** Encodes a LIST-OF-MESSAGES alone, the payload of a NOTIFY. */
export function encodeMessages(messages: readonly Message[]): Buffer {
  const writer = new ByteWriter()
  writeMessages(writer, messages)
  return writer.bytes
}

function typeCode(frame: FrameBody): number {
  if (frame.type === 'UNKNOWN') return frame.typeCode & 0xff
  // What comes from JSON may be called "constructor".
  const name = frame.type.replace('-', '_')
  if (Object.hasOwn(FrameType, name)) return FrameType[name as keyof typeof FrameType]
  throw new SpopError('ERR_SPOP_ENCODE', 'the frame', `there is no type "${name}"`)
}

function flagBits({ raw, fin, abort }: NonNullable<FrameInput['flags']> = {}): number {
  let bits = raw ?? FLAG_FIN
  if (fin !== undefined) bits = fin ? bits | FLAG_FIN : bits & ~FLAG_FIN
  if (abort !== undefined) bits = abort ? bits | FLAG_ABORT : bits & ~FLAG_ABORT
  return bits >>> 0
}

function id(value: number | bigint = 0, what: string): number | bigint {
  const valid = typeof value === 'bigint' ? value >= 0n && value <= MAX_ID : Number.isSafeInteger(value) && value >= 0
  if (!valid) throw new SpopError('ERR_SPOP_ENCODE', what, `${value} is not within 0 and 2^64-1`)
  return value
}

function writeBody(writer: ByteWriter, frame: FrameBody): void {
  if ('payload' in frame && frame.payload !== undefined) writer.raw(frame.payload)
  else if (frame.type === 'NOTIFY') writeMessages(writer, frame.messages)
  else if (frame.type === 'ACK') for (const action of frame.actions) writeAction(writer, action)
  else if ('kv' in frame) for (const entry of frame.kv) writeNamed(writer, entry)
}

/** LIST-OF-MESSAGES  (name nb-args:u8 (name value)*)*     (SPOE.txt 3.2.6) */
function writeMessages(writer: ByteWriter, messages: readonly Message[]): void {
  for (const { name, args } of messages) {
    writer.latin1(name, 'a message name')
    if (args.length > MAX_ARGS) {
      throw new SpopError('ERR_SPOP_ENCODE', `message "${name}"`, `${args.length} arguments, 255 are possible`)
    }
    writer.byte(args.length)
    for (const arg of args) writeNamed(writer, arg)
  }
}

/** set-var  01 03 scope:u8 name value,  unset-var  02 02 scope:u8 name     (SPOE.txt 3.4) */
function writeAction(writer: ByteWriter, action: Action): void {
  const set = action.action === 'set-var'
  if (!Object.hasOwn(SCOPES, action.scope)) {
    throw new SpopError('ERR_SPOP_ENCODE', `"${action.name}"`, `there is no scope "${action.scope}"`)
  }
  writer.byte(set ? 1 : 2)
  writer.byte(set ? 3 : 2)
  writer.byte(SCOPES[action.scope])
  if (set) writeNamed(writer, action)
  else writer.latin1(action.name, 'a variable name')
}

function writeNamed(writer: ByteWriter, entry: NamedValue): void {
  writer.latin1(entry.name, 'a name')
  writeTypedValue(writer, entry, entry.name)
}
