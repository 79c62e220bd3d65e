import { SpopError } from '../errors.ts'

/**
 * A position in a frame. All reads check `end`, because behind a frame's end lie the bytes of the next one.
 * One object is reused for every frame: reads return numbers and move `position`, nothing is allocated.
 */
export class Cursor {
  buffer: Uint8Array = new Uint8Array(0)
  position = 0
  end = 0

  reset(buffer: Uint8Array, position: number, end: number): void {
    this.buffer = buffer
    this.position = position
    this.end = end
  }

  byte(what: string): number {
    if (this.position >= this.end) throw new SpopError('ERR_SPOP_TRUNCATED', what)
    return this.buffer[this.position++]!
  }

  /** Moves past `count` bytes and returns where they start. */
  skip(count: number, what: string): number {
    const start = this.position
    // Written as a subtraction: start + count would lose precision for a hostile count near 2^64.
    if (count > this.end - start) throw new SpopError('ERR_SPOP_TRUNCATED', what)
    this.position = start + count
    return start
  }

  /** A length. Above 2^53 it is inexact, which no caller notices: it is far beyond any frame. */
  varint(what: string): number {
    if (this.position < this.end) {
      const first = this.buffer[this.position]!
      if (first < 240) {
        this.position++
        return first
      }
    }
    const start = this.position
    this.skipVarint(what)
    return varintHigh(this.buffer, start, this.position) * 2 ** 32 + varintLow(this.buffer, start, this.position)
  }

  /**
   * varint  b0 < 240                         value b0
   *         b0 >= 240, then bN >= 128 …, then the last byte < 128
   *                                          value b0 + (b1 << 4) + (b2 << 11) + (b3 << 18) …
   *
   * The encoding has no overlong forms. HAProxy's decoder has no cap and wraps; this one refuses more than 10 bytes and
   * values above 2^64-1 (SPOE.txt 3.1).
   */
  skipVarint(what: string): void {
    const start = this.position
    if (this.byte(what) < 240) return
    while (this.byte(what) >= 128) {
      if (this.position - start === 10) throw new SpopError('ERR_SPOP_VARINT')
    }
    if (this.position - start === 10 && varintHigh(this.buffer, start, this.position) >= 2 ** 32) {
      throw new SpopError('ERR_SPOP_VARINT')
    }
  }
}

/** Sum of bytes 0 to 4, at most 2^33, so a number holds it exactly. */
function lowSum(buffer: Uint8Array, start: number, end: number): number {
  let sum = buffer[start]!
  for (let i = start + 1, weight = 16; i < end && i < start + 5; i++, weight *= 128) sum += buffer[i]! * weight
  return sum
}

/** Bits 0 to 31 of a varint already checked by {@link Cursor.skipVarint}. */
export function varintLow(buffer: Uint8Array, start: number, end: number): number {
  return lowSum(buffer, start, end) % 2 ** 32
}

/** Bits 32 to 63. Byte 5 is the first whose weight, 2^32, lies wholly in this half. */
export function varintHigh(buffer: Uint8Array, start: number, end: number): number {
  let high = Math.floor(lowSum(buffer, start, end) / 2 ** 32)
  for (let i = start + 5, weight = 1; i < end; i++, weight *= 128) high += buffer[i]! * weight
  return high
}

/** The longest encoding of a 64-bit value. */
export const MAX_VARINT_BYTES = 10

/** Writes a non-negative integer up to 2^53-1 and returns the position behind it. The caller has reserved 10 bytes. */
export function writeVarint(buffer: Uint8Array, position: number, value: number): number {
  if (value < 240) {
    buffer[position] = value
    return position + 1
  }
  buffer[position++] = 0xf0 | (value % 16)
  let rest = Math.floor((value - 240) / 16)
  while (rest >= 128) {
    buffer[position++] = 0x80 | (rest % 128)
    rest = Math.floor((rest - 128) / 128)
  }
  buffer[position++] = rest
  return position
}

/** The same for any 64-bit value; a negative one is written as its two's complement, 10 bytes (SPOE.txt 3.1). */
export function writeVarint64(buffer: Uint8Array, position: number, value: bigint): number {
  let rest = BigInt.asUintN(64, value)
  if (rest < 240n) {
    buffer[position] = Number(rest)
    return position + 1
  }
  buffer[position++] = 0xf0 | Number(rest & 15n)
  rest = (rest - 240n) >> 4n
  while (rest >= 128n) {
    buffer[position++] = 0x80 | Number(rest & 127n)
    rest = (rest - 128n) >> 7n
  }
  buffer[position++] = Number(rest)
  return position
}

/**
 * Encodes any 64-bit integer; a negative one as its two's complement (SPOE.txt 3.1). For tools: it allocates.
 *
 * @throws SpopError ERR_SPOP_ENCODE
 */
export function encodeVarint(value: number | bigint): Buffer {
  const wide = typeof value === 'bigint' || Number.isSafeInteger(value) ? BigInt(value) : undefined
  if (wide === undefined || (BigInt.asUintN(64, wide) !== wide && BigInt.asIntN(64, wide) !== wide)) {
    throw new SpopError('ERR_SPOP_ENCODE', 'a varint', `${value} is no integer of 64 bits`)
  }
  const bytes = Buffer.alloc(MAX_VARINT_BYTES)
  return bytes.subarray(0, writeVarint64(bytes, 0, wide))
}

/**
 * Decodes the varint at `position`, unsigned; a bigint above 2^53-1. `end` is the position behind it.
 *
 * @throws SpopError ERR_SPOP_TRUNCATED, ERR_SPOP_VARINT
 */
export function decodeVarint(buffer: Uint8Array, position = 0): { value: number | bigint; end: number } {
  const cursor = new Cursor()
  cursor.reset(buffer, position, buffer.length)
  cursor.skipVarint('a varint')
  const end = cursor.position
  const high = varintHigh(buffer, position, end)
  const low = varintLow(buffer, position, end)
  return { value: high < 2 ** 21 ? high * 2 ** 32 + low : (BigInt(high) << 32n) | BigInt(low), end }
}
