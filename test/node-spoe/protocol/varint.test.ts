import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Cursor, varintHigh, varintLow, writeVarint, writeVarint64 } from '../../../node-spoe/src/protocol/varint.ts'
import { vectors } from '../support/vectors.ts'
import { varint } from '../support/wire.ts'

function read(bytes: Uint8Array): { value: bigint; position: number } {
  const cursor = new Cursor()
  cursor.reset(bytes, 0, bytes.length)
  cursor.skipVarint('a varint')
  const high = varintHigh(bytes, 0, cursor.position)
  return { value: (BigInt(high) << 32n) | BigInt(varintLow(bytes, 0, cursor.position)), position: cursor.position }
}

function write(value: bigint): Buffer {
  const bytes = Buffer.alloc(10)
  return bytes.subarray(0, writeVarint64(bytes, 0, value))
}

describe('varint', () => {
  test('every golden varint reads to its value and writes to its bytes', () => {
    for (const { value, hex } of vectors.varints) {
      const bytes = Buffer.from(hex, 'hex')
      expect(read(bytes), value).toEqual({ value: BigInt(value), position: bytes.length })
      expect(write(BigInt(value)).toString('hex'), value).toBe(hex)
      if (BigInt(value) <= Number.MAX_SAFE_INTEGER) {
        const out = Buffer.alloc(10)
        expect(out.subarray(0, writeVarint(out, 0, Number(value))).toString('hex'), value).toBe(hex)
      }
    }
  })

  test('a negative number is written as 64-bit two’s complement', () => {
    for (const { value, hex } of vectors.signedVarints) expect(write(BigInt(value)).toString('hex'), value).toBe(hex)
  })

  test('a varint that is truncated, above 2^64-1 or longer than 10 bytes is refused', () => {
    for (const { hex, reason } of vectors.invalidVarints) {
      expect(() => read(Buffer.from(hex, 'hex')), reason).toThrow(
        expect.objectContaining({ code: expect.stringMatching(/^ERR_SPOP_(VARINT|TRUNCATED)$/) }),
      )
    }
  })

  test('any 64-bit value survives the round trip', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (value) => {
        expect(write(value)).toEqual(varint(value))
        expect(read(write(value)).value).toBe(value)
      }),
    )
  })

  test('any safe number writes the same bytes as the bigint', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (value) => {
        const out = Buffer.alloc(10)
        expect(out.subarray(0, writeVarint(out, 0, value))).toEqual(varint(value))
      }),
    )
  })

  test('ten arbitrary bytes are read exactly when they encode at most 2^64-1', () => {
    const byte = fc.integer({ min: 128, max: 255 })
    fc.assert(
      fc.property(
        fc.integer({ min: 240, max: 255 }),
        fc.array(byte, { minLength: 8, maxLength: 8 }),
        fc.nat(127),
        (b0, mid, last) => {
          const bytes = Buffer.of(b0, ...mid, last)
          let exact = BigInt(b0)
          for (let i = 1; i < 10; i++) exact += BigInt(bytes[i]!) << BigInt(4 + 7 * (i - 1))
          if (exact < 2n ** 64n) expect(read(bytes).value).toBe(exact)
          else expect(() => read(bytes)).toThrow(expect.objectContaining({ code: 'ERR_SPOP_VARINT' }))
        },
      ),
    )
  })

  test('bytes behind the end of the frame are not read', () => {
    const cursor = new Cursor()
    cursor.reset(Buffer.from('f100', 'hex'), 0, 1)
    expect(() => cursor.varint('a length')).toThrow(expect.objectContaining({ code: 'ERR_SPOP_TRUNCATED' }))
    cursor.reset(Buffer.from('aabbcc', 'hex'), 1, 2)
    expect(() => cursor.skip(2, 'bytes')).toThrow(expect.objectContaining({ code: 'ERR_SPOP_TRUNCATED' }))
  })

  test('a length near 2^64 is refused, not rounded into the frame', () => {
    const cursor = new Cursor()
    const bytes = Buffer.from('fff0fefefefefefefe0e00', 'hex')
    cursor.reset(bytes, 0, bytes.length)
    expect(() => cursor.skip(cursor.varint('a length'), 'a string')).toThrow(
      expect.objectContaining({ code: 'ERR_SPOP_TRUNCATED' }),
    )
  })
})
