import fc from 'fast-check'
import { expect, test } from 'vitest'
import { FrameSplitter } from '../../node-spoe/src/splitter.ts'
import { vectors } from './support/vectors.ts'

function split(chunks: readonly Buffer[], limit = 16380, stopAfter = Infinity): string[] {
  const splitter = new FrameSplitter()
  const seen: string[] = []
  const sink = {
    frameLimit: limit,
    frame: (buffer: Buffer, start: number, end: number): boolean => {
      seen.push(buffer.toString('hex', start, end))
      return seen.length < stopAfter
    },
  }
  for (const chunk of chunks) splitter.push(chunk, sink)
  return seen
}

const all = vectors.frames.map((frame) => frame.hex.slice(8))
const stream = Buffer.from(vectors.frames.map((frame) => frame.hex).join(''), 'hex')

test('every split of a byte stream gives the same frames', () => {
  expect(split([stream])).toEqual(all)
  expect(split(Array.from(stream, (byte) => Buffer.of(byte)))).toEqual(all)
  fc.assert(
    fc.property(fc.array(fc.nat(stream.length), { maxLength: 40 }), (cuts) => {
      const points = [0, ...cuts.toSorted((a, b) => a - b), stream.length]
      expect(split(points.slice(1).map((end, i) => stream.subarray(points[i]!, end)))).toEqual(all)
    }),
  )
})

test('a kept frame does not depend on the read buffer it came in', () => {
  const chunk = Buffer.from(stream.subarray(0, 50))
  const splitter = new FrameSplitter()
  const seen: string[] = []
  const sink = { frameLimit: 16380, frame: (b: Buffer, s: number, e: number) => seen.push(b.toString('hex', s, e)) > 0 }
  splitter.push(chunk, sink)
  chunk.fill(0xee)
  splitter.push(stream.subarray(50, 127), sink)
  expect(seen).toEqual([all[0]])
})

test('a length out of range is refused with the fourth byte, before anything is buffered', () => {
  const refused = (code: string): unknown => expect.objectContaining({ code })
  expect(() => split([Buffer.from('00000006', 'hex')])).toThrow(refused('ERR_SPOP_FRAME_TOO_SHORT'))
  expect(() => split([Buffer.from('ffff', 'hex'), Buffer.from('ffff', 'hex')])).toThrow(
    refused('ERR_SPOP_FRAME_TOO_BIG'),
  )
  expect(split([Buffer.from('000000', 'hex')])).toEqual([])
})

test('the limit is read anew for every frame, as HELLO settles it', () => {
  const splitter = new FrameSplitter()
  const sink = {
    frameLimit: 8,
    frame: (): boolean => {
      sink.frameLimit = 7
      return true
    },
  }
  expect(() => splitter.push(Buffer.from('0000000801020304050607080000000801020304050607', 'hex'), sink)).toThrow(
    expect.objectContaining({ code: 'ERR_SPOP_FRAME_TOO_BIG' }),
  )
})

test('once the sink has had enough, the rest is dropped', () => {
  expect(split([stream], 16380, 2)).toEqual(all.slice(0, 2))
  const half = vectors.frames[0]!.hex.length / 4
  expect(split([stream.subarray(0, half), stream.subarray(half)], 16380, 1)).toEqual(all.slice(0, 1))
})
