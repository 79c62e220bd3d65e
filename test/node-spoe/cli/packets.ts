// Captures built byte by byte, as plainly as the formats allow, so that the reader is not tested against itself.

/** Fields of a TCP segment; ports 40000 to 9000 unless told. */
export interface Tcp {
  readonly from?: number
  readonly to?: number
  readonly seq: number
  readonly ack?: number
  readonly flags?: string
  readonly payload?: Uint8Array
}

const FLAGS: Readonly<Record<string, number>> = { F: 1, S: 2, R: 4, A: 16 }

export function tcp({ from = 40_000, to = 9000, seq, ack, flags = 'A', payload = new Uint8Array(0) }: Tcp): Buffer {
  const head = Buffer.alloc(24)
  head.writeUInt16BE(from, 0)
  head.writeUInt16BE(to, 2)
  head.writeUInt32BE(seq >>> 0, 4)
  head.writeUInt32BE((ack ?? 0) >>> 0, 8)
  // Six words: one of options.
  head[12] = 6 << 4
  head[13] = Array.from(flags).reduce((bits, flag) => bits | FLAGS[flag]!, 0)
  return Buffer.concat([head, payload])
}

export function ipv4(data: Uint8Array, total = 20 + data.length): Buffer {
  const head = Buffer.from('450000000000400040060000c0000201c0000202', 'hex')
  head.writeUInt16BE(total, 2)
  return Buffer.concat([addressed(head, 12, 4, data), data])
}

export function ipv6(data: Uint8Array, extensions: Uint8Array = new Uint8Array(0), next = 6): Buffer {
  const head = Buffer.from('600000000000ff4020010db8000000000000000000000001fe800000000000000000000000000002', 'hex')
  head.writeUInt16BE(extensions.length + data.length, 4)
  head[6] = next
  return Buffer.concat([addressed(head, 8, 16, data), extensions, data])
}

/** Whoever has port 9000 is the second of the two addresses. */
function addressed(head: Buffer, at: number, size: number, data: Uint8Array): Buffer {
  if (data[0] !== 9000 >> 8) return head
  const source = Buffer.from(head.subarray(at, at + size))
  head.copy(head, at, at + size, at + size * 2)
  source.copy(head, at + size)
  return head
}

const MACS = '020000000001020000000002'

export function ethernet(ip: Uint8Array, tags: string = ''): Buffer {
  const type = ip[0]! >> 4 === 6 ? '86dd' : '0800'
  return Buffer.concat([Buffer.from(`${MACS}${tags}${type}`, 'hex'), ip])
}

/** A packet and when it came, nanoseconds. */
export interface Timed {
  readonly at: bigint
  readonly data: Uint8Array
}

/** One packet a millisecond from 2026-01-01 on. */
export function timed(packets: readonly Uint8Array[]): Timed[] {
  return packets.map((data, i) => ({ at: (1_767_225_600_000n + BigInt(i)) * 1_000_000n, data }))
}

export function pcap(packets: readonly Timed[], { link = 1, little = true, nano = false } = {}): Buffer {
  const words = (...values: number[]): Buffer => {
    const bytes = Buffer.alloc(values.length * 4)
    for (const [i, value] of values.entries()) {
      if (little) bytes.writeUInt32LE(value, i * 4)
      else bytes.writeUInt32BE(value, i * 4)
    }
    return bytes
  }
  const header = words(nano ? 0xa1b23c4d : 0xa1b2c3d4, little ? 0x0004_0002 : 0x0002_0004, 0, 0, 262_144, link)
  const records = packets.flatMap(({ at, data }) => {
    const fraction = Number(at % 1_000_000_000n) / (nano ? 1 : 1000)
    return [words(Number(at / 1_000_000_000n), fraction, data.length, data.length), data]
  })
  return Buffer.concat([header, ...records])
}

/** The numbers of a pcapng in one byte order. */
export function pcapng(packets: readonly Timed[], { link = 1, little = true, options = '' } = {}): Buffer {
  const u32 = (...values: number[]): Buffer => {
    const bytes = Buffer.alloc(values.length * 4)
    for (const [i, value] of values.entries()) {
      if (little) bytes.writeUInt32LE(value, i * 4)
      else bytes.writeUInt32BE(value, i * 4)
    }
    return bytes
  }
  const block = (type: number, body: Buffer): Buffer => {
    const padded = Buffer.concat([body, Buffer.alloc(-body.length & 3)])
    return Buffer.concat([u32(type, 12 + padded.length), padded, u32(12 + padded.length)])
  }
  const section = block(0x0a0d0d0a, Buffer.concat([u32(0x1a2b3c4d, little ? 1 : 0x10000), Buffer.alloc(8, 0xff)]))
  const described = Buffer.concat([u32(little ? link : link * 0x10000, 0), Buffer.from(options, 'hex')])
  const unknown = block(0x0bad, Buffer.from('skip me'))
  const blocks = packets.map(({ at, data }) => {
    const ticks = at / 1000n
    const head = u32(0, Number(ticks >> 32n), Number(ticks & 0xffff_ffffn), data.length, data.length)
    return block(6, Buffer.concat([head, data]))
  })
  return Buffer.concat([section, block(1, described), unknown, ...blocks])
}

/** A capture of Ethernet and IPv4 with the given segments. */
export function capture(segments: readonly Tcp[]): Buffer {
  return pcap(timed(segments.map((segment) => ethernet(ipv4(tcp(segment))))))
}
