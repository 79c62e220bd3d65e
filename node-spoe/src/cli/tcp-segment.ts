import { formatIpv4, formatIpv6 } from '../protocol/ip.ts'

/** What one packet adds to a TCP connection. */
export interface Segment {
  /** `192.0.2.1:9000`, `[2001:db8::1]:9000`. */
  readonly source: string
  readonly sourcePort: number
  readonly destination: string
  readonly destinationPort: number
  readonly sequence: number
  /** Undefined without the ACK flag. */
  readonly acknowledged: number | undefined
  readonly syn: boolean
  readonly fin: boolean
  readonly rst: boolean
  /** What was captured of the payload, and how long it was on the wire. */
  readonly payload: Buffer
  readonly length: number
}

const TCP = 6
/** Hop-by-hop options, routing, authentication, destination options (RFC 8200 4.1, RFC 4302). */
const EXTENSIONS: ReadonlySet<number> = new Set([0, 43, 51, 60])
const MAX_EXTENSIONS = 8
const FIN = 1
const SYN = 2
const RST = 4
const ACK = 16

interface Network {
  readonly source: string
  readonly destination: string
  /** Upper layer, as far as it was captured, and its length on the wire. */
  readonly data: Buffer
  readonly length: number
}

/**
 * TCP   source:u16 destination:u16 sequence:u32 acknowledgment:u32 offset:u4 0:u4 flags:u8 window:u16 checksum:u16
 *       urgent:u16 options payload        (RFC 9293 3.1); offset counts words of 4 bytes up to the payload
 *
 * Undefined for what is not TCP, is cut inside its headers, or is a fragment. Checksums are not looked at: captures of
 * the sending machine hold them unfinished.
 */
export function readSegment(packet: Buffer): Segment | undefined {
  const version = packet.length === 0 ? 0 : packet[0]! >> 4
  const network = version === 4 ? readIpv4(packet) : version === 6 ? readIpv6(packet) : undefined
  if (network === undefined || network.data.length < 20) return undefined
  const { data } = network
  const start = (data[12]! >> 4) * 4
  if (start < 20 || start > network.length) return undefined
  const flags = data[13]!
  const sourcePort = data.readUInt16BE(0)
  const destinationPort = data.readUInt16BE(2)
  return {
    source: `${network.source}:${sourcePort}`,
    sourcePort,
    destination: `${network.destination}:${destinationPort}`,
    destinationPort,
    sequence: data.readUInt32BE(4),
    acknowledged: (flags & ACK) === 0 ? undefined : data.readUInt32BE(8),
    syn: (flags & SYN) !== 0,
    fin: (flags & FIN) !== 0,
    rst: (flags & RST) !== 0,
    payload: data.subarray(start),
    length: network.length - start,
  }
}

/**
 * IPv4  version:u4 words:u4 tos:u8 total:u16 id:u16 flags:u3 fragment:u13 ttl:u8 protocol:u8 checksum:u16 source[4]
 *       destination[4] options            (RFC 791 3.1)
 */
function readIpv4(packet: Buffer): Network | undefined {
  if (packet.length < 20 || packet[9] !== TCP) return undefined
  const start = (packet[0]! & 15) * 4
  // More fragments, or not the first one.
  if (start < 20 || (packet.readUInt16BE(6) & 0x3fff) !== 0) return undefined
  const end = total(packet.readUInt16BE(2), packet.length)
  if (end < start) return undefined
  return {
    source: formatIpv4(packet, 12),
    destination: formatIpv4(packet, 16),
    data: packet.subarray(start, end),
    length: end - start,
  }
}

/**
 * IPv6       version:u4 class:u8 label:u20 payload:u16 next:u8 hops:u8 source[16] destination[16]   (RFC 8200 3)
 * extension  next:u8 length:u8 …          length counts words of 8 bytes beyond the first (authentication: of 4, beyond two)
 */
function readIpv6(packet: Buffer): Network | undefined {
  if (packet.length < 40) return undefined
  const payload = packet.readUInt16BE(4)
  const end = payload === 0 ? packet.length : 40 + payload
  let next = packet[6]!
  let start = 40
  for (let i = 0; i < MAX_EXTENSIONS && next !== TCP; i++) {
    if (packet.length < start + 8) return undefined
    const isFragment = next === 44
    // Options and routing; the authentication header; a fragment header where the packet is whole all the same.
    if (isFragment ? (packet.readUInt16BE(start + 2) & 0xfff9) !== 0 : !EXTENSIONS.has(next)) return undefined
    const length = isFragment ? 8 : next === 51 ? (packet[start + 1]! + 2) * 4 : (packet[start + 1]! + 1) * 8
    next = packet[start]!
    start += length
  }
  if (next !== TCP || end < start) return undefined
  return {
    source: `[${formatIpv6(packet, 8)}]`,
    destination: `[${formatIpv6(packet, 24)}]`,
    data: packet.subarray(start, end),
    length: end - start,
  }
}

/** Captures of the sending machine hold packets that its card will cut, with a length of 0 above 64 KiB. */
function total(length: number, captured: number): number {
  return length === 0 ? captured : length
}
