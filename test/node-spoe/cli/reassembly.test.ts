import fc from 'fast-check'
import { expect, test } from 'vitest'
import { FrameAssembler } from '../../../node-spoe/src/cli/frame-assembler.ts'
import { TcpStream } from '../../../node-spoe/src/cli/tcp-stream.ts'
import { vectors } from '../support/vectors.ts'
import { hello, messageBytes, notify, typed } from '../support/wire.ts'
import { type Tcp, capture, ethernet, ipv4, pcap, tcp, timed } from './packets.ts'
import { type JsonLine, decode } from './run.ts'

const stream = Buffer.from(vectors.frames.map(({ hex }) => hex).join(''), 'hex')
const FIRST = 0xffff_f000
const START: Tcp = { seq: FIRST - 1, flags: 'S' }

async function run(segments: readonly Tcp[], ...args: string[]): Promise<readonly JsonLine[]> {
  return (await decode(['--json', ...args], capture(segments))).lines
}
const piece = (from: number, to: number): Tcp => ({ seq: FIRST + from, payload: stream.subarray(from, to) })
const offsets = (lines: readonly JsonLine[]): unknown[] => lines.map((line) => line['offset'])

test('segments in any order, repeated and overlapping, across the wrap of sequence numbers, give every frame once', async () => {
  const whole = offsets((await decode(['--json'], stream)).lines)
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.nat(stream.length - 1), fc.integer({ min: 1, max: 900 })), { maxLength: 30 }),
      fc.infiniteStream(fc.nat()),
      async (extra, random) => {
        const pieces: Tcp[] = extra.map(([from, length]) => piece(from, Math.min(from + length, stream.length)))
        for (let at = 0; at < stream.length; at += 700) pieces.push(piece(at, Math.min(at + 700, stream.length)))
        const shuffled = pieces
          .map((one) => [random.next().value, one] as const)
          .toSorted(([a], [b]) => a - b)
          .map(([, one]) => one)
        const lines = await run([START, ...shuffled])
        expect(lines.every((line) => line.kind === 'frame')).toBe(true)
        expect(offsets(lines)).toEqual(whole)
      },
    ),
    { numRuns: 30 },
  )
})

test('a gap is told once the other side has acknowledged what lies behind it, and reading goes on at the next frame', async () => {
  const frames = [notify([messageBytes('a')], 1), notify([messageBytes('b')], 3), notify([messageBytes('c')], 5)]
  const [a, b, c] = frames.map((frame) => frame.length) as [number, number, number]
  const lines = await run([
    { seq: 1, payload: frames[0]! },
    // The second is missing; the third comes in two segments, in the middle of which nothing can begin.
    { seq: 1 + a + b, payload: frames[2]! },
    { from: 9000, to: 40_000, seq: 1, ack: 1 + a + b + c },
    { seq: 1 + a + b + c, payload: hello() },
  ])
  expect(lines).toMatchObject([
    { messages: [{ name: 'a' }] },
    { kind: 'note', note: 'gap', bytes: b },
    { messages: [{ name: 'c' }], offset: a + b },
    { type: 'HAPROXY-HELLO' },
  ])
})

test('a gap at the end of the capture is told too', async () => {
  const lines = await run([
    { seq: 1, payload: hello() },
    { seq: 1 + hello().length + 50, payload: notify([]) },
  ])
  expect(lines.map((line) => line['note'] ?? line.type)).toEqual(['HAPROXY-HELLO', 'gap', 'NOTIFY'])
})

test('a frame that lost its end in a gap is skipped, not made up', async () => {
  const long = notify([messageBytes('m', { a: typed.binary(Buffer.alloc(500)) })])
  const lines = await run([
    { seq: 1, payload: hello() },
    { seq: 1 + hello().length, payload: long.subarray(0, 200) },
    { seq: 1 + hello().length + 400, payload: long.subarray(400) },
    { seq: 1 + hello().length + long.length, payload: notify([], 7) },
  ])
  expect(lines.map((line) => line['note'] ?? line.type)).toEqual(['HAPROXY-HELLO', 'gap', 'skipped', 'NOTIFY'])
  expect(lines[2]).toMatchObject({ bytes: 200 + long.length - 400 })
})

test('a capture that begins in the middle of a frame is read from the next segment that begins with one', async () => {
  const long = notify([messageBytes('m', { a: typed.binary(Buffer.alloc(500, 0xaa)) })])
  const lines = await run([
    { seq: 501, payload: long.subarray(300) },
    { seq: 501 + long.length - 300, payload: Buffer.concat([notify([], 7), notify([], 9)]) },
  ])
  expect(lines).toMatchObject([
    { kind: 'note', note: 'skipped', bytes: long.length - 300 },
    { streamId: '7' },
    { streamId: '9' },
  ])
})

test('a packet of which less was captured than was sent leaves a gap', async () => {
  const bytes = notify([messageBytes('m', { a: typed.binary(Buffer.alloc(100)) })])
  const packets = [
    ethernet(ipv4(tcp({ seq: 1, payload: hello() }))),
    ethernet(ipv4(tcp({ seq: 1 + hello().length, payload: bytes }))).subarray(0, 96),
    ethernet(ipv4(tcp({ seq: 1 + hello().length + bytes.length, payload: notify([]) }))),
  ]
  const { lines } = await decode(['--json'], pcap(timed(packets)))
  expect(lines.map((line) => line['note'] ?? line.type)).toEqual(['HAPROXY-HELLO', 'gap', 'skipped', 'NOTIFY'])
})

test('bytes one by one, from a SYN on, are frames all the same', async () => {
  const bytes = Buffer.concat([hello(), notify([])])
  const lines = await run([
    { seq: 0, flags: 'S' },
    ...Array.from(bytes, (byte, i): Tcp => ({ seq: 1 + i, payload: Buffer.of(byte) })),
  ])
  expect(lines.map((line) => line.type)).toEqual(['HAPROXY-HELLO', 'NOTIFY'])
})

test('after bytes that are no frame a connection is read on from the next segment that begins with one', async () => {
  const bad = Buffer.from('0000000003', 'hex')
  const { lines, code } = await decode(
    ['--json'],
    capture([
      { seq: 1, payload: hello() },
      { seq: 1 + hello().length, payload: bad },
      { seq: 1 + hello().length + bad.length, payload: notify([]) },
    ]),
  )
  expect(lines.map((line) => line.type ?? line.kind)).toEqual(['HAPROXY-HELLO', 'broken', 'NOTIFY'])
  expect(code).toBe(1)
})

test('the same ports used again, after a SYN or a RST, are another connection', async () => {
  const lines = await run([
    { seq: 0, flags: 'S' },
    { seq: 0, flags: 'S' },
    { seq: 1, payload: hello() },
    { seq: 9_000_000, flags: 'S' },
    { seq: 9_000_001, payload: hello() },
    { seq: 9_000_001, flags: 'R' },
    { seq: 77, payload: hello() },
  ])
  expect(lines.map((line) => line['connection'])).toEqual([1, 2, 3])
})

test('a frame still unfinished at the end of a capture is no error', async () => {
  const { lines, code } = await decode(
    ['--json'],
    capture([{ seq: 1, payload: Buffer.concat([hello(), hello().subarray(0, 30)]) }]),
  )
  expect(lines).toMatchObject([{ type: 'HAPROXY-HELLO' }, { note: 'unfinished', bytes: 30 }])
  expect(code).toBe(0)
})

test('a stream never holds more than a mebibyte for a missing segment', () => {
  let delivered = 0
  let most = 0
  const held = new TcpStream({ data: (bytes) => (delivered += bytes.length), gap: () => {} })
  held.segment(0, Buffer.alloc(1), 1, undefined)
  for (let i = 0; i < 5_000; i++) {
    held.segment(10 + i * 2_000, Buffer.alloc(1_000), 1_000, undefined)
    most = Math.max(most, held.held)
  }
  expect(most).toBeGreaterThan(900_000)
  expect(most).toBeLessThan(1_100_000)
  held.finish()
  expect([delivered, held.held]).toEqual([5_000_001, 0])
})

test('a LEN that promises a mebibyte takes no memory until the bytes come', () => {
  const assembler = new FrameAssembler({ frame: () => {}, broken: () => {}, skipped: () => {} }, true)
  assembler.push(Buffer.from('0010000003000000010101', 'hex'), undefined)
  expect(assembler.held).toBeLessThan(100)
  for (let i = 0; i < 1024; i++) assembler.push(Buffer.alloc(1000), undefined)
  expect(assembler.held).toBeLessThan(2.1 * 2 ** 20)
})

test('of more connections than are followed the one that was quiet the longest is given up', async () => {
  const payload = Buffer.concat([hello(), hello().subarray(0, 30)])
  const lines = await run(Array.from({ length: 4_100 }, (_, i): Tcp => ({ from: 10_000 + i, seq: 1, payload })))
  const ends = lines.flatMap((line, i) => (line['note'] === 'unfinished' ? [[line['connection'], i] as const] : []))
  expect(ends.map(([connection]) => connection)).toEqual(Array.from({ length: 4_100 }, (_, i) => i + 1))
  expect(ends[0]![1]).toBe(4_097)
})
