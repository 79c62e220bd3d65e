import { expect, test } from 'vitest'
import { vectors } from '../support/vectors.ts'
import { frame, hello, kv, messageBytes, notify, typed } from '../support/wire.ts'
import { decode } from './run.ts'

const all = Buffer.from(vectors.frames.map(({ hex }) => hex).join(''), 'hex')

test('every golden frame is printed as JSON just as it is described', async () => {
  const { code, lines } = await decode(['--json'], all)
  expect(code).toBe(0)
  expect(lines).toHaveLength(vectors.frames.length)
  for (const [i, { name, decoded }] of vectors.frames.entries()) {
    const { fragment: _, ...described } = decoded as typeof decoded & { fragment?: string }
    expect(lines[i], name).toMatchObject({ kind: 'frame', frame: i + 1, ...described })
  }
})

test('every golden frame is printed as a tree that holds its names and numbers', async () => {
  for (const { name, hex, decoded } of vectors.frames) {
    const { code, out } = await decode([hex])
    expect(code, name).toBe(0)
    expect(out).toContain(`${decoded.type}  stream ${decoded.streamId} frame ${decoded.frameId}, `)
    for (const entry of decoded.kv ?? []) expect(out).toContain(`  ${entry.name} `)
    for (const entry of decoded.messages ?? []) expect(out).toContain(`  message ${entry.name}`)
    for (const entry of decoded.actions ?? []) expect(out).toContain(`${entry.action} ${entry.scope}.${entry.name}`)
  }
})

test('a NOTIFY and its ACK read as a tree', async () => {
  const bytes = notify(
    [
      messageBytes('check', {
        src: typed.ipv4(192, 0, 2, 1),
        tls: typed.bool(true),
        raw: typed.binary(Buffer.of(0, 255)),
      }),
      messageBytes('second', { '': typed.null() }),
    ],
    3,
  )
  const ack = Buffer.from('0000001d670000000103010103020464656e790802' + '6e6f' + '0202020365727201030201690407', 'hex')
  ack.writeUInt32BE(ack.length - 4)
  const { code, out } = await decode([], Buffer.concat([bytes, ack]))
  expect(code).toBe(0)
  expect(out).toBe(`#1  at 0  NOTIFY  stream 3 frame 1, FIN, 46 bytes
  message check
    src  ipv4 192.0.2.1
    tls  bool true
    raw  binary 00ff
  message second
    ""  null
#2  at 50  ACK  stream 3 frame 1, FIN, 33 bytes, answers #1
  set-var txn.deny   string "no"
  unset-var txn.err
  set-var txn.i      int64 7
`)
})

test('fragments are shown as they are, and the last one with the whole', async () => {
  const whole = Buffer.concat([messageBytes('m', { a: typed.string('abc') })])
  for (const [first, last, expected] of [
    [whole.subarray(0, 5), whole.subarray(5), { reassembled: { messages: [{ name: 'm' }] } }],
    [whole.subarray(0, 5), whole.subarray(5, -1), { error: { code: 'ERR_SPOP_TRUNCATED' } }],
  ] as const) {
    const ids = Buffer.of(1, 1)
    const bytes = Buffer.concat([frame(3, first, ids, 0), frame(0, last, ids, 1)])
    const { lines, code } = await decode(['--json'], bytes)
    expect(lines[0]).toMatchObject({ payloadHex: first.toString('hex') })
    expect(lines[1]).toMatchObject(expected)
    expect(code).toBe('error' in expected ? 1 : 0)
    expect((await decode([], bytes)).out).toContain('error' in expected ? 'error of the whole' : 'message m')
  }
})

test('of a malformed frame one sees what was read, the error, and the place', async () => {
  const bytes = notify([messageBytes('check', { a: typed.int64(7), b: Buffer.of(0x0c) })])
  const { code, out } = await decode([], Buffer.concat([bytes, notify([])]))
  expect(code).toBe(1)
  expect(out).toBe(`#1  at 0  NOTIFY  stream 1 frame 1, FIN, 21 bytes
  message check
    a  int64 7
  error at byte 24: typed data of the reserved type 12 (ERR_SPOP_VALUE_TYPE)
    0000  00 00 00 15 03 00 00 00 01 01 01 05 63 68 65 63  ............chec
    0010  6b 02 01 61 04 07 01 62 0c                       k..a...b.
                                  ^^
#2  at 25  NOTIFY  stream 1 frame 1, FIN, 7 bytes
`)
  const { lines } = await decode(['--json'], bytes)
  expect(lines[0]).toMatchObject({
    messages: [{ args: [{ name: 'a' }] }],
    error: { code: 'ERR_SPOP_VALUE_TYPE', offset: 24 },
  })
})

test('a LEN that cannot be one ends a byte stream, and is shown', async () => {
  const { code, out } = await decode([], Buffer.concat([hello(), Buffer.from('GET / HTTP/1.1')]))
  expect(code).toBe(1)
  expect(out).toContain('frame length 1195725856 is above the limit of 1048576 bytes (ERR_SPOP_FRAME_TOO_BIG)')
  expect(out).toContain('0000  47 45 54 20')
  expect((await decode(['--json', '000000060300000001ff'])).lines).toMatchObject([
    { kind: 'broken', offset: 0, error: { code: 'ERR_SPOP_FRAME_TOO_SHORT' } },
  ])
})

test('of a frame that was cut off one sees what is there', async () => {
  const { code, lines } = await decode(['--json', hello().toString('hex').slice(0, -10)])
  expect(code).toBe(1)
  expect(lines[0]).toMatchObject({ type: 'HAPROXY-HELLO', kv: [{ name: 'supported-versions' }, {}, {}] })
  expect(lines[1]).toEqual({ kind: 'note', offset: 0, note: 'unfinished', bytes: hello().length - 5 })
})

test('unusual bits are shown: reserved flags of the frame, flags of a value, frames of no known type', async () => {
  const bytes = [
    frame(3, messageBytes('m', { a: Buffer.of(0x20), b: Buffer.of(0x51) }), Buffer.of(1, 1), 0x81),
    frame(42, Buffer.from('abcd', 'hex')),
  ]
  const { out } = await decode([], Buffer.concat(bytes))
  expect(out).toContain('FIN flags 0x81')
  expect(out).toContain('a  null (flags 2)')
  expect(out).toContain('b  bool false (flags 5)')
  expect(out).toContain('UNKNOWN 42')
  expect(out).toContain('payload  abcd')
})

test('what strangers sent cannot reach the terminal: controls, escapes, directions, bytes that are no text', async () => {
  const nasty = '\x1b[2J\x07\r\n\u009b31m\u202eevil\u2028\u{e0001}"\\'
  const bytes = Buffer.concat([
    notify([
      messageBytes(nasty, { [nasty]: typed.string(Buffer.from(nasty)), raw: typed.string(Buffer.of(0xe9, 0x1b)) }),
    ]),
    frame(102, kv({ message: typed.string(Buffer.from(nasty)) })),
  ])
  const { out } = await decode([], bytes)
  expect(out).toMatch(/^[ -~\n]*$/)
  expect(out).toContain(String.raw`"\x1b[2J\x07\r\n\u{9b}31m\u{202e}evil\u{2028}\u{e0001}\"\\"`)
  expect(out).toContain(String.raw`raw  string "\xe9\x1b"`)
  const json = await decode(['--json'], bytes)
  expect(json.out).toMatch(/^[ -~\n]*$/)
  expect(json.lines[1]).toMatchObject({ kv: [{ value: nasty }] })
  expect(json.lines[0]).toMatchObject({ messages: [{ args: [{}, { name: 'raw', valueHex: 'e91b' }] }] })
})
