import fc from 'fast-check'
import { expect, test } from 'vitest'
import { readInteger, readValue, skipValue } from '../../../node-spoe/src/protocol/values.ts'
import { Cursor } from '../../../node-spoe/src/protocol/varint.ts'
import { typed, varint } from '../support/wire.ts'

function decode(bytes: Buffer): unknown {
  const cursor = new Cursor()
  cursor.reset(bytes, 0, bytes.length)
  const typeByte = cursor.byte('a type')
  const start = skipValue(cursor, typeByte)
  expect(cursor.position).toBe(bytes.length)
  return readValue(typeByte, bytes, start, cursor.position)
}

test('every type is read', () => {
  expect(decode(typed.null())).toBeNull()
  expect(decode(typed.bool(true))).toBe(true)
  expect(decode(typed.bool(false))).toBe(false)
  expect(decode(typed.int32(-5))).toBe(-5)
  expect(decode(typed.uint32(2 ** 32 - 1))).toBe(2 ** 32 - 1)
  expect(decode(typed.ipv4(192, 0, 2, 10))).toBe('192.0.2.10')
  expect(decode(typed.string(Buffer.from('636166e9', 'hex')))).toBe('caf\xe9')
  expect(decode(typed.binary(Buffer.of(0, 255)))).toEqual(Buffer.of(0, 255))
})

test('a BOOL is true only with the flag nibble 1, as HAProxy reads it', () => {
  expect(decode(Buffer.of(0x21))).toBe(false)
  expect(decode(Buffer.of(0x31))).toBe(false)
})

test('an integer is a number where that is exact and a bigint elsewhere', () => {
  expect(decode(typed.int64(Number.MAX_SAFE_INTEGER))).toBe(Number.MAX_SAFE_INTEGER)
  expect(decode(typed.int64(2n ** 53n))).toBe(2n ** 53n)
  expect(decode(typed.int64(Number.MIN_SAFE_INTEGER))).toBe(Number.MIN_SAFE_INTEGER)
  expect(decode(typed.int64(-(2n ** 53n)))).toBe(-(2n ** 53n))
  expect(decode(typed.int64(-(2n ** 63n)))).toBe(-(2n ** 63n))
  expect(decode(typed.uint64(2n ** 64n - 1n))).toBe(2n ** 64n - 1n)
})

test('any integer is read exactly', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (value) => {
      const bytes = varint(value)
      const read = readInteger(4, bytes, 0, bytes.length)
      expect(BigInt(read)).toBe(value)
      expect(typeof read).toBe(value >= -(2n ** 53n) + 1n && value < 2n ** 53n ? 'number' : 'bigint')
    }),
  )
})

test('BINARY is a copy that outlives the frame', () => {
  const bytes = typed.binary(Buffer.from('abc'))
  const value = decode(bytes)
  bytes.fill(0)
  expect(value).toEqual(Buffer.from('abc'))
})

test('reserved types and cut content are refused', () => {
  for (let type = 10; type < 16; type++) {
    expect(() => decode(Buffer.of(type, 0))).toThrow(expect.objectContaining({ code: 'ERR_SPOP_VALUE_TYPE' }))
  }
  for (const whole of [
    typed.int64(300),
    typed.ipv4(1, 2, 3, 4),
    typed.ipv6(Buffer.alloc(16)),
    typed.string('abc'),
    typed.binary(Buffer.alloc(3)),
  ]) {
    for (let length = 1; length < whole.length; length++) {
      expect(() => decode(whole.subarray(0, length))).toThrow(expect.objectContaining({ code: 'ERR_SPOP_TRUNCATED' }))
    }
  }
})
