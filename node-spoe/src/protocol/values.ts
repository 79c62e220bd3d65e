import { SpopError } from '../errors.ts'
import { formatIpv4, formatIpv6 } from './ip.ts'
import { type Cursor, varintHigh, varintLow } from './varint.ts'

/** Types of typed data: the low nibble of its first byte. The drawing in SPOE.txt 3.1 reads the other way round. */
export const Type = {
  NULL: 0,
  BOOL: 1,
  INT32: 2,
  UINT32: 3,
  INT64: 4,
  UINT64: 5,
  IPV4: 6,
  IPV6: 7,
  STRING: 8,
  BINARY: 9,
} as const

/** First byte of a true BOOL: the value lies in the flag nibble. */
export const BOOL_TRUE = 0x11
export const BOOL_FALSE = 0x01

/** What a typed value decodes to; `null` is NULL. */
export type Value = string | Buffer | boolean | number | bigint | null

/**
 * typed data  type:u8, low nibble type, high nibble flags
 *   NULL, BOOL             nothing more
 *   INT32 … UINT64         varint
 *   IPV4 / IPV6            4 / 16 bytes
 *   STRING, BINARY         varint length, bytes
 *
 * Moves past the data behind the type byte and returns where the content starts (behind a length); it ends at the
 * cursor's new position. Types 10 to 15 are reserved and their length is unknown, so nothing after them could be read.
 */
export function skipValue(cursor: Cursor, typeByte: number): number {
  switch (typeByte & 0x0f) {
    case Type.STRING:
    case Type.BINARY:
      return cursor.skip(cursor.varint('a string length'), 'a string')
    case Type.NULL:
    case Type.BOOL:
      return cursor.position
    case Type.INT32:
    case Type.UINT32:
    case Type.INT64:
    case Type.UINT64: {
      const start = cursor.position
      cursor.skipVarint('an integer')
      return start
    }
    case Type.IPV4:
      return cursor.skip(4, 'an IPv4 address')
    case Type.IPV6:
      return cursor.skip(16, 'an IPv6 address')
    default:
      throw new SpopError('ERR_SPOP_VALUE_TYPE', typeByte & 0x0f)
  }
}

/** Any other flag nibble than 1 is false: HAProxy reads it so. */
export function readBool(typeByte: number): boolean {
  return typeByte >> 4 === 1
}

/**
 * An integer from its varint. UINT32 and UINT64 are unsigned; INT32 and INT64 are 64-bit two's complement.
 * A number where that is exact (up to 2^53-1 either way), otherwise a bigint.
 */
export function readInteger(type: number, buffer: Uint8Array, start: number, end: number): number | bigint {
  const first = buffer[start]!
  if (first < 240) return first
  const low = varintLow(buffer, start, end)
  const high = varintHigh(buffer, start, end)
  if (high < 2 ** 21) return high * 2 ** 32 + low
  const signed = type === Type.INT64 || type === Type.INT32
  if (signed && high >= 2 ** 32 - 2 ** 21) {
    const negative = (high - 2 ** 32) * 2 ** 32 + low
    if (negative >= Number.MIN_SAFE_INTEGER) return negative
  }
  const wide = (BigInt(high) << 32n) | BigInt(low)
  return signed ? BigInt.asIntN(64, wide) : wide
}

/** Any value. Strings are latin1, which is lossless: HAProxy passes raw header bytes, not UTF-8. BINARY is copied. */
export function readValue(typeByte: number, buffer: Buffer, start: number, end: number): Value {
  switch (typeByte & 0x0f) {
    case Type.STRING:
      return buffer.toString('latin1', start, end)
    case Type.BINARY:
      return Buffer.from(buffer.subarray(start, end))
    case Type.BOOL:
      return readBool(typeByte)
    case Type.IPV4:
      return formatIpv4(buffer, start)
    case Type.IPV6:
      return formatIpv6(buffer, start)
    case Type.NULL:
      return null
    default:
      return readInteger(typeByte & 0x0f, buffer, start, end)
  }
}
