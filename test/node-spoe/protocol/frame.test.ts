import { expect, test } from 'vitest'
import { FrameHeader, readFrameLength } from '../../../node-spoe/src/protocol/frame.ts'
import { Cursor } from '../../../node-spoe/src/protocol/varint.ts'
import { vectors } from '../support/vectors.ts'
import { frame, varint } from '../support/wire.ts'

function lengthOf(length: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(length)
  return bytes
}

test('the header of every golden frame is read, its ids as the bytes they are', () => {
  for (const { name, hex, decoded } of vectors.frames) {
    const bytes = Buffer.from(hex, 'hex')
    expect(readFrameLength(bytes, 0, 65536), name).toBe(decoded.length)
    const cursor = new Cursor()
    cursor.reset(bytes, 4, bytes.length)
    const header = new FrameHeader()
    header.read(cursor)
    expect(header.type, name).toBe(decoded.typeCode)
    expect((header.flags & 1) !== 0, name).toBe(decoded.flags.includes('FIN'))
    expect((header.flags & 2) !== 0, name).toBe(decoded.flags.includes('ABORT'))
    const ids = Buffer.concat([varint(BigInt(decoded.streamId)), varint(BigInt(decoded.frameId))])
    expect(bytes.subarray(header.idsStart, header.idsEnd), name).toEqual(ids)
  }
})

test('a length of 0 to 6 is an error, never a reason to wait', () => {
  for (let length = 0; length < 7; length++) {
    expect(() => readFrameLength(lengthOf(length), 0, 16380)).toThrow(
      expect.objectContaining({ code: 'ERR_SPOP_FRAME_TOO_SHORT', status: 4 }),
    )
  }
  expect(readFrameLength(lengthOf(7), 0, 16380)).toBe(7)
})

test('a length above the limit is an error, with the sign bit too', () => {
  expect(readFrameLength(lengthOf(16380), 0, 16380)).toBe(16380)
  for (const length of [16381, 2 ** 31, 2 ** 32 - 1]) {
    expect(() => readFrameLength(lengthOf(length), 0, 16380)).toThrow(
      expect.objectContaining({ code: 'ERR_SPOP_FRAME_TOO_BIG', status: 3 }),
    )
  }
})

test('a frame with an id where none may be is refused', () => {
  const header = new FrameHeader()
  const cursor = new Cursor()
  const bytes = Buffer.from('02000000010100', 'hex')
  cursor.reset(bytes, 0, bytes.length)
  header.read(cursor)
  expect(() => header.requireNoIds(cursor)).toThrow(expect.objectContaining({ code: 'ERR_SPOP_IDS' }))
  const good = frame(102, Buffer.alloc(0))
  cursor.reset(good, 4, good.length)
  header.read(cursor)
  expect(() => header.requireNoIds(cursor)).not.toThrow()
})
