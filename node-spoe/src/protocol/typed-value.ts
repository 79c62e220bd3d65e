import { SpopError } from '../errors.ts'
import { formatIpv4, formatIpv6Exact, parseIp } from './ip.ts'
import type { TypedValue, ValueType } from './model.ts'
import { BOOL_TRUE, Type, readBool, readInteger, skipValue } from './values.ts'
import type { Cursor } from './varint.ts'
import type { ByteWriter } from './writer.ts'

/** By code. */
const NAMES = Object.keys(Type) as ValueType[]

/**
 * typed data  type:u8, low nibble type, high nibble flags, then by type (SPOE.txt 3.1)
 *   NULL, BOOL             nothing more; BOOL is true where the flags are 1
 *   INT32 … UINT64         varint
 *   IPV4 / IPV6            4 / 16 bytes
 *   STRING, BINARY         varint length, bytes
 *
 * @throws SpopError ERR_SPOP_TRUNCATED, ERR_SPOP_VARINT, ERR_SPOP_VALUE_TYPE
 */
export function readTypedValue(cursor: Cursor, buffer: Buffer): TypedValue {
  const typeByte = cursor.byte('a type')
  const start = skipValue(cursor, typeByte)
  const value = typedValue(typeByte, buffer, start, cursor.position)
  const valueFlags = typeByte >> 4
  return valueFlags > (value.type === 'BOOL' ? 1 : 0) ? { ...value, valueFlags } : value
}

function typedValue(typeByte: number, buffer: Buffer, start: number, end: number): TypedValue {
  const code = typeByte & 0x0f
  const type = NAMES[code]!
  switch (type) {
    case 'NULL':
      return { type, value: null }
    case 'BOOL':
      return { type, value: readBool(typeByte) }
    case 'IPV4':
      return { type, value: formatIpv4(buffer, start) }
    case 'IPV6':
      return { type, value: formatIpv6Exact(buffer, start) }
    case 'STRING':
      return { type, value: buffer.toString('latin1', start, end) }
    case 'BINARY':
      return { type, value: Buffer.from(buffer.subarray(start, end)) }
    default:
      return { type, value: readInteger(code, buffer, start, end) }
  }
}

/**
 * The same the other way round.
 *
 * @param name of the argument, key or variable, for the error
 * @throws SpopError ERR_SPOP_ENCODE
 */
export function writeTypedValue(writer: ByteWriter, typed: TypedValue, name: string): void {
  // What comes from JSON may be called "constructor".
  if (!Object.hasOwn(Type, typed.type)) throw refused(name, `there is no type "${typed.type}"`)
  const code = Type[typed.type]
  const flags = typed.valueFlags
  const usual = typed.type === 'BOOL' && typed.value ? BOOL_TRUE : code
  writer.byte(flags === undefined ? usual : ((flags & 0x0f) << 4) | code)
  switch (typed.type) {
    case 'NULL':
    case 'BOOL':
      return
    case 'IPV4':
    case 'IPV6':
      writer.raw(ipBytes(typed.value, typed.type, name))
      return
    case 'STRING':
      writer.latin1(typed.value, name)
      return
    case 'BINARY':
      writer.sized(typed.value)
      return
    default:
      writer.varint(integer(typed.value, typed.type, name))
  }
}

function ipBytes(text: string, type: 'IPV4' | 'IPV6', name: string): Uint8Array {
  const bytes = parseIp(text)
  if (bytes?.length !== (type === 'IPV4' ? 4 : 16)) {
    throw refused(name, `"${text.slice(0, 64)}" is no ${type} address`)
  }
  return bytes
}

function integer(value: number | bigint, type: string, name: string): number | bigint {
  if (Number.isSafeInteger(value) && Number(value) >= 0) return value
  if (typeof value === 'number' && !Number.isSafeInteger(value)) {
    throw refused(name, `${value} is no integer of at most 53 bits; a larger one must be a bigint`)
  }
  const wide = BigInt(value)
  const bounded = type.startsWith('U') ? BigInt.asUintN(64, wide) : BigInt.asIntN(64, wide)
  if (bounded !== wide) throw refused(name, `${value} is out of the range of ${type}`)
  return wide
}

function refused(name: string, why: string): SpopError {
  return new SpopError('ERR_SPOP_ENCODE', `"${name.slice(0, 64)}"`, why)
}
