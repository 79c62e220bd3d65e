import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { hello, messageBytes, notify } from '../support/wire.ts'
import { capture, ethernet, ipv4, ipv6, pcap, pcapng, tcp, timed } from './packets.ts'
import { decode } from './run.ts'

const ACK = Buffer.from('0000000767000000010101', 'hex')
/** A NOTIFY, and its ACK a millisecond later. */
const ask = { seq: 1, payload: notify([messageBytes('m')]) }
const answer = { from: 9000, to: 40_000, seq: 1, payload: ACK }
const segments = [tcp(ask), tcp(answer)]
const ethernets = timed(segments.map((segment) => ethernet(ipv4(segment))))

const expected = (from: string, to: string): unknown[] => [
  { type: 'NOTIFY', connection: 1, from: `${from}:40000`, to: `${to}:9000`, time: '2026-01-01T00:00:00.000000Z' },
  {
    type: 'ACK',
    from: `${to}:9000`,
    to: `${from}:40000`,
    answers: 1,
    latencyMs: 1,
    time: '2026-01-01T00:00:00.001000Z',
  },
]
const IPV4 = expected('192.0.2.1', '192.0.2.2')
const IPV6 = expected('[2001:db8::1]', '[fe80::2]')

test.each([
  ['pcap, little-endian, microseconds', pcap(ethernets), IPV4],
  ['pcap, big-endian, microseconds', pcap(ethernets, { little: false }), IPV4],
  ['pcap, little-endian, nanoseconds', pcap(ethernets, { nano: true }), IPV4],
  ['pcap, big-endian, nanoseconds', pcap(ethernets, { little: false, nano: true }), IPV4],
  ['pcapng, little-endian', pcapng(ethernets), IPV4],
  ['pcapng, big-endian', pcapng(ethernets, { little: false }), IPV4],
  [
    'two sections of a pcapng, of both byte orders',
    Buffer.concat([pcapng(ethernets.slice(0, 1)), pcapng(ethernets.slice(1), { little: false })]),
    IPV4,
  ],
  ['IPv6', pcap(timed(segments.map((segment) => ethernet(ipv6(segment))))), IPV6],
  [
    'IPv6 with options and a fragment header of a whole packet',
    pcap(
      timed(
        segments.map((segment) => ethernet(ipv6(segment, Buffer.from('2c0000000000000006000000000000ff', 'hex'), 0))),
      ),
    ),
    IPV6,
  ],
  ['VLAN', pcap(timed(segments.map((segment) => ethernet(ipv4(segment), '81000007')))), IPV4],
  ['VLAN in VLAN', pcap(timed(segments.map((segment) => ethernet(ipv6(segment), '88a8000781000008')))), IPV6],
  [
    'Ethernet padding',
    pcap(timed(segments.map((segment) => Buffer.concat([ethernet(ipv4(segment)), Buffer.alloc(9, 0x55)])))),
    IPV4,
  ],
  [
    'packets the card will cut, of total length 0',
    pcap(timed(segments.map((segment) => ethernet(ipv4(segment, 0))))),
    IPV4,
  ],
  ['raw IP', pcap(timed(segments.map((segment) => ipv4(segment))), { link: 101 }), IPV4],
  ['raw IP, IPv6 link type', pcap(timed(segments.map((segment) => ipv6(segment))), { link: 229 }), IPV6],
  [
    'loopback, host order',
    pcap(timed(segments.map((segment) => Buffer.concat([Buffer.of(2, 0, 0, 0), ipv4(segment)]))), { link: 0 }),
    IPV4,
  ],
  [
    'loopback, network order',
    pcap(timed(segments.map((segment) => Buffer.concat([Buffer.of(0, 0, 0, 24), ipv6(segment)]))), { link: 108 }),
    IPV6,
  ],
  [
    'Linux cooked',
    pcap(
      timed(segments.map((segment) => Buffer.concat([Buffer.alloc(14), Buffer.from('0800', 'hex'), ipv4(segment)]))),
      { link: 113 },
    ),
    IPV4,
  ],
  [
    'Linux cooked, version 2',
    pcap(
      timed(segments.map((segment) => Buffer.concat([Buffer.from('86dd', 'hex'), Buffer.alloc(18), ipv6(segment)]))),
      { link: 276 },
    ),
    IPV6,
  ],
])('%s', async (_, bytes, lines) => {
  const whole = await decode(['--json'], bytes)
  expect(whole.code).toBe(0)
  expect(whole.lines).toMatchObject(lines)
  expect((await decode(['--json', '--from', 'pcap', '-'], bytes, 7)).lines).toEqual(whole.lines)
})

test('times of a pcapng follow the resolution and offset of its interface', async () => {
  // if_tsresol 2^-10, if_tsoffset 1000 s; ticks are the microseconds of the packets.
  const bytes = pcapng([{ at: 2_048_000n, data: ethernet(ipv4(segments[0]!)) }], {
    options: '090001008a000000' + '0e000800e803000000000000' + '00000000',
  })
  expect((await decode(['--json'], bytes)).lines[0]).toMatchObject({ time: '1970-01-01T00:16:42.000000Z' })
})

test('a simple packet block has no time', async () => {
  const data = ethernet(ipv4(segments[0]!))
  const padded = Buffer.concat([data, Buffer.alloc(-data.length & 3)])
  const block = Buffer.concat([Buffer.alloc(12), padded, Buffer.alloc(4)])
  block.writeUInt32LE(3, 0)
  block.writeUInt32LE(block.length, 4)
  block.writeUInt32LE(data.length, 8)
  block.writeUInt32LE(block.length, block.length - 4)
  const { lines } = await decode(['--json'], Buffer.concat([pcapng([]), block]))
  expect(lines).toMatchObject([{ type: 'NOTIFY' }])
  expect(lines[0]).not.toHaveProperty('time')
})

test.each([
  ['2.6, Ethernet, IPv4', 'haproxy-2.6.pcap', 16, '127.0.0.1:19000'],
  ['3.2, Linux cooked, IPv6, nanoseconds', 'haproxy-3.2-sll2-nano.pcap', 13, '[::1]:19001'],
])('what tcpdump saw of HAProxy %s', async (_, name, count, agent) => {
  const file = new URL(`../fixtures/${name}`, import.meta.url).pathname
  const { lines, code, err } = await decode(['--json', file])
  expect(code).toBe(0)
  expect(err).toMatch(new RegExp(`^node-spoe: ${count} frames in \\d connections\n$`))
  expect(lines).toHaveLength(count)
  const acks = lines.filter((line) => line.type === 'ACK')
  expect(acks).toHaveLength(2)
  for (const ack of acks) {
    const asked = lines[Number(ack['answers']) - 1]!
    expect(asked).toMatchObject({ type: 'NOTIFY', connection: ack['connection'], from: ack['to'], to: agent })
    expect(ack).toMatchObject({ latencyMs: expect.any(Number), streamId: asked['streamId'] })
  }
  expect((await decode([file])).out).toMatch(
    /ACK {2}stream \d frame 1, FIN, \d+ bytes, answers #\d+ after \d+\.\d{3} ms\n/,
  )
  expect((await decode(['-'], readFileSync(file))).out.split('\n#')).toHaveLength(count)
})

test('--port shows the connections of that port and no others, whatever they hold', async () => {
  const other = { from: 40_001, to: 9001 }
  const bytes = capture([{ ...ask, ...other }, ask, { ...other, seq: 1, flags: 'S' }])
  expect((await decode(['--json', '--port', '9001'], bytes)).lines).toMatchObject([{ to: '192.0.2.2:9001' }])
  const garbage = capture([
    { seq: 0, flags: 'S' },
    { seq: 1, payload: Buffer.from('GET / HTTP/1.1\r\n\r\n') },
  ])
  const named = await decode(['--json', '--port', '9000'], garbage)
  expect(named.lines).toMatchObject([{ kind: 'broken', error: { code: 'ERR_SPOP_FRAME_TOO_BIG' } }])
  expect(named.code).toBe(1)
  const unnamed = await decode(['--json'], garbage)
  expect([unnamed.lines, unnamed.code]).toEqual([[], 1])
  expect(unnamed.err).toBe(
    'node-spoe: 0 frames in 0 connections; 1 other connections\nnode-spoe: no SPOP frame found\n',
  )
})

test('packets that are not TCP, and link types nobody knows, are counted', async () => {
  const udp = ipv4(Buffer.alloc(20))
  udp[9] = 17
  const arp = Buffer.concat([Buffer.alloc(12), Buffer.from('0806', 'hex'), Buffer.alloc(28)])
  const fragment = ipv4(segments[0]!)
  fragment[6] = 0x20
  const packets = [ethernet(udp), arp, ethernet(fragment), Buffer.alloc(3), ethernet(ipv4(segments[0]!))]
  expect((await decode([], pcap(timed(packets)))).err).toBe('node-spoe: 1 frames in 1 connections; 4 other packets\n')
  expect((await decode([], pcap(timed(packets), { link: 195 }))).err).toContain('not understood: 195')
})

test('what was before the fault of a broken capture is printed', async () => {
  const good = pcap(ethernets)
  const cut = good.subarray(0, -3)
  const huge = Buffer.concat([good, Buffer.alloc(8), Buffer.from('ffffff7f', 'hex'), Buffer.alloc(4)])
  const next = pcapng(ethernets)
  const torn = Buffer.from(next)
  torn.writeUInt32LE(13, next.length - 4)
  for (const [bytes, frames] of [
    [cut, 1],
    [huge, 2],
    [next.subarray(0, -5), 1],
    [torn, 1],
    [good.subarray(0, 23), 0],
  ] as const) {
    let printed = ''
    await expect(
      decode(['--json'], bytes).catch((error: Error & { out: string }) => {
        printed = error.out
        throw error
      }),
    ).rejects.toMatchObject({ code: 'ERR_SPOP_CAPTURE' })
    expect(printed.split('\n')).toHaveLength(frames + 1)
  }
})

test('an ACK is matched on its own connection only, and a NOTIFY once', async () => {
  const elsewhere = { from: 40_001 }
  const bytes = capture([
    ask,
    { ...ask, ...elsewhere },
    { ...answer, to: 40_001 },
    answer,
    { ...answer, seq: 1 + ACK.length },
    { seq: 1 + ask.payload.length, payload: hello() },
  ])
  const { lines } = await decode(['--json'], bytes)
  expect(lines.map((line) => [line.type, line['connection'], line['answers']])).toEqual([
    ['NOTIFY', 1, undefined],
    ['NOTIFY', 2, undefined],
    ['ACK', 2, 2],
    ['ACK', 1, 1],
    ['ACK', 1, undefined],
    ['HAPROXY-HELLO', 1, undefined],
  ])
})

test('a damaged capture ends in a table error or with a code, and prints nothing that a terminal would obey', async () => {
  const options = '090001000600000000000000'
  const good = [
    readFileSync(new URL('../fixtures/haproxy-2.6.pcap', import.meta.url)),
    pcapng(ethernets, { options }),
    pcapng(timed(segments.map((segment) => ethernet(ipv6(segment)))), { little: false }),
  ]
  const change = fc.tuple(fc.oneof(fc.nat(), fc.nat(200)), fc.nat(255))
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...good),
      fc.array(change, { minLength: 1, maxLength: 6 }),
      fc.option(fc.nat()),
      fc.constantFrom(['--json'], ['--port', '19000'], []),
      async (original, changes, end, args) => {
        const bytes = Buffer.from(original)
        for (const [at, byte] of changes) bytes[at % bytes.length] = byte
        const cut = end === null ? bytes : bytes.subarray(0, end % bytes.length)
        try {
          const { code, out } = await decode(['--from', 'pcap', ...args], cut)
          expect([0, 1]).toContain(code)
          expect(out.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u)
        } catch (error) {
          expect(error).toMatchObject({ code: 'ERR_SPOP_CAPTURE' })
        }
      },
    ),
    { numRuns: 400 },
  )
})
