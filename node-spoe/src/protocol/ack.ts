import { SpopError } from '../errors.ts'
import { FLAG_FIN, FrameType } from './frame.ts'
import { parseIp } from './ip.ts'
import { BOOL_FALSE, BOOL_TRUE, Type } from './values.ts'
import { MAX_VARINT_BYTES, writeVarint, writeVarint64 } from './varint.ts'

/** What a variable can be set to. A string is written as UTF-8, bytes as BINARY, integers as INT64. */
export type VariableValue = string | number | bigint | boolean | Uint8Array | { readonly ip: string }

const SET_VAR = 1
const UNSET_VAR = 2
const INITIAL_BYTES = 512

const SHORT_COPY = 64

/** A string below this length has at most 239 bytes of UTF-8, so its length takes one byte whatever it holds. */
const SHORT_STRING = 80

/**
 * The actions of one ACK, encoded as they are added. Never longer than `limit`: HAProxy up to 3.0 closes the connection
 * on an ACK above the negotiated size, later ones let the request stall. `overflow` says that something was left out.
 */
export class ActionWriter {
  bytes: Buffer = Buffer.allocUnsafeSlow(INITIAL_BYTES)
  length = 0
  overflow = false
  #limit = 0

  /** Empties the writer for a new ACK of at most `limit` bytes of actions. */
  reset(limit: number): void {
    this.length = 0
    this.overflow = false
    this.#limit = limit
  }

  /**
   * set-var  01 03 scope:u8 name value     (SPOE.txt 3.4)
   * name     varint length, bytes; given encoded
   *
   * @throws SpopError ERR_SPOP_VARIABLE_VALUE; nothing is written then.
   */
  setVar(scope: number, name: Uint8Array, value: VariableValue): void {
    const start = this.length
    if (!this.#reserve(3 + name.length + 1 + MAX_VARINT_BYTES + sizeOf(value))) return
    const { bytes } = this
    bytes[start] = SET_VAR
    bytes[start + 1] = 3
    bytes[start + 2] = scope
    copyShort(bytes, start + 3, name, 0, name.length)
    const end = writeValue(bytes, start + 3 + name.length, value, name)
    if (end > this.#limit) this.overflow = true
    else this.length = end
  }

  /** unset-var  02 02 scope:u8 name     (SPOE.txt 3.4) */
  unsetVar(scope: number, name: Uint8Array): void {
    const start = this.length
    const end = start + 3 + name.length
    if (end > this.#limit) {
      this.overflow = true
      return
    }
    if (!this.#reserve(3 + name.length)) return
    this.bytes[start] = UNSET_VAR
    this.bytes[start + 1] = 2
    this.bytes[start + 2] = scope
    copyShort(this.bytes, start + 3, name, 0, name.length)
    this.length = end
  }

  #reserve(count: number): boolean {
    // Far above the limit there is no need to encode in order to know; 64 covers the slack in `count`.
    if (this.length + count > this.#limit * 3 + 64) {
      this.overflow = true
      return false
    }
    if (this.length + count > this.bytes.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(this.bytes.length * 2, this.length + count))
      this.bytes.copy(grown, 0, 0, this.length)
      this.bytes = grown
    }
    return true
  }
}

/** Upper bound of the bytes behind type and length. */
function sizeOf(value: VariableValue): number {
  if (typeof value === 'string') return value.length < SHORT_STRING ? value.length * 3 : Buffer.byteLength(value)
  if (value instanceof Uint8Array) return value.length
  return 16
}

function writeValue(bytes: Buffer, position: number, value: VariableValue, name: Uint8Array): number {
  switch (typeof value) {
    case 'string':
      return writeString(bytes, position, value)
    case 'boolean':
      bytes[position] = value ? BOOL_TRUE : BOOL_FALSE
      return position + 1
    case 'number':
      if (!Number.isInteger(value)) throw refused(name, `${value} is not an integer`)
      if (value >= 0 && value <= Number.MAX_SAFE_INTEGER) {
        bytes[position] = Type.INT64
        return writeVarint(bytes, position + 1, value)
      }
      return writeBigInt(bytes, position, BigInt(value), name)
    case 'bigint':
      return writeBigInt(bytes, position, value, name)
    case 'object':
      if (value instanceof Uint8Array) {
        bytes[position] = Type.BINARY
        const start = writeVarint(bytes, position + 1, value.length)
        bytes.set(value, start)
        return start + value.length
      }
      // null must not slip through: HAProxy would take NULL for "unset this variable".
      if (value !== null && typeof value.ip === 'string') return writeIp(bytes, position, value.ip, name)
      throw refused(name, 'neither bytes nor { ip }')
    default:
      throw refused(name, `a ${typeof value} cannot be sent`)
  }
}

function writeString(bytes: Buffer, position: number, value: string): number {
  bytes[position] = Type.STRING
  if (value.length < SHORT_STRING) {
    const ascii = writeAscii(bytes, position + 2, value)
    const written = ascii ? value.length : bytes.write(value, position + 2)
    bytes[position + 1] = written
    return position + 2 + written
  }
  const start = writeVarint(bytes, position + 1, Buffer.byteLength(value))
  return start + bytes.write(value, start)
}

/** Most values are a word or two of ASCII, for which a loop beats the call into C++. Gives up at anything else. */
function writeAscii(bytes: Uint8Array, position: number, value: string): boolean {
  for (let i = 0; i < value.length; i++) {
    const unit = value.charCodeAt(i)
    if (unit >= 0x80) return false
    bytes[position + i] = unit
  }
  return true
}

/** For a few dozen bytes, where the call into C++ behind set() and copy() costs more than the loop. */
function copyShort(to: Uint8Array, position: number, from: Uint8Array, start: number, end: number): void {
  for (let i = start; i < end; i++) to[position++] = from[i]!
}

function writeBigInt(bytes: Buffer, position: number, value: bigint, name: Uint8Array): number {
  if (BigInt.asIntN(64, value) !== value) throw refused(name, 'outside the signed 64-bit range')
  bytes[position] = Type.INT64
  return writeVarint64(bytes, position + 1, value)
}

function writeIp(bytes: Buffer, position: number, text: string, name: Uint8Array): number {
  const address = parseIp(text)
  if (address === undefined) throw refused(name, `"${text.slice(0, 64)}" is not an IP address`)
  bytes[position] = address.length === 4 ? Type.IPV4 : Type.IPV6
  bytes.set(address, position + 1)
  return position + 1 + address.length
}

function refused(name: Uint8Array, why: string): SpopError {
  return new SpopError('ERR_SPOP_VARIABLE_VALUE', Buffer.from(name.subarray(1)).toString('latin1'), why)
}

/** LEN, TYPE and FLAGS of an ACK. */
export const ACK_HEADER_BYTES = 9

/** Bytes an ACK takes on the wire. */
export function ackSize(idsLength: number, actionsLength: number): number {
  return ACK_HEADER_BYTES + idsLength + actionsLength
}

/** Bytes of actions that fit an ACK when LEN may be at most `maxAckSize`. */
export function actionsLimit(maxAckSize: number, idsLength: number): number {
  return maxAckSize - (ACK_HEADER_BYTES - 4) - idsLength
}

/**
 * ACK   LEN:u32 67 00000001 SID FID (set-var | unset-var)*     (SPOE.txt 3.2.7)
 *
 * SID and FID are the bytes of the NOTIFY. FIN is set: an agent has no reason to send fragments.
 * The caller has reserved {@link ackSize} bytes; returns the position behind the frame.
 */
export function writeAck(
  out: Buffer,
  position: number,
  ids: Uint8Array,
  idsStart: number,
  idsEnd: number,
  actions: ActionWriter,
): number {
  const end = position + ackSize(idsEnd - idsStart, actions.length)
  const length = end - position - 4
  out[position] = length >>> 24
  out[position + 1] = length >>> 16
  out[position + 2] = length >>> 8
  out[position + 3] = length
  out[position + 4] = FrameType.ACK
  out[position + 5] = 0
  out[position + 6] = 0
  out[position + 7] = 0
  out[position + 8] = FLAG_FIN
  copyShort(out, position + ACK_HEADER_BYTES, ids, idsStart, idsEnd)
  const at = end - actions.length
  if (actions.length <= SHORT_COPY) copyShort(out, at, actions.bytes, 0, actions.length)
  else actions.bytes.copy(out, at, 0, actions.length)
  return end
}
