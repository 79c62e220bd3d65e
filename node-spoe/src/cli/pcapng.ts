import { SpopError } from '../errors.ts'
import type { ByteSource } from './byte-source.ts'
import { MAX_PACKET_BYTES, type Packet } from './pcap.ts'

const SECTION = 0x0a0d0d0a
const BYTE_ORDER = 0x1a2b3c4d
const INTERFACE = 1
const OLD_PACKET = 2
const SIMPLE_PACKET = 3
const ENHANCED_PACKET = 6
/** A packet with room for its options. */
const MAX_BLOCK_BYTES = MAX_PACKET_BYTES + 65_536
/** Interfaces of one section; more is no capture anybody made. */
const MAX_INTERFACES = 65_536
const OPTION_END = 0
const OPTION_TIME_RESOLUTION = 9
const OPTION_TIME_OFFSET = 14

interface Interface {
  readonly linkType: number
  readonly snapLength: number
  /** Ticks a second, and seconds to add. */
  readonly resolution: bigint
  readonly offset: bigint
}

/** Whether a file that begins so is a pcapng: the type of its first block reads the same in both byte orders. */
export function isPcapng(start: Buffer): boolean {
  return start.length >= 4 && start.readUInt32BE(0) === SECTION
}

/**
 * pcapng     block*                                              (draft-ietf-opsawg-pcapng)
 * block      type:u32 length:u32 body length:u32                 length counts the whole block, a multiple of 4
 * section    0a0d0d0a  1a2b3c4d:u32 major:u16 minor:u16 …        sets the byte order; forgets the interfaces
 * interface  00000001  linktype:u16 0:u16 snaplen:u32 options    numbered from 0 in a section
 * enhanced   00000006  interface:u32 high:u32 low:u32 captured:u32 original:u32 bytes, padded to 4, options
 * simple     00000003  original:u32 bytes                        of interface 0, without a time
 * old        00000002  interface:u16 drops:u16 high:u32 low:u32 captured:u32 original:u32 bytes
 * option     code:u16 length:u16 bytes, padded to 4              9: resolution of times, 14: seconds to add to them
 *
 * Blocks of other types are skipped.
 *
 * @throws SpopError ERR_SPOP_CAPTURE
 */
export async function* readPcapng(source: ByteSource): AsyncGenerator<Packet> {
  let little = false
  let interfaces: Interface[] = []
  for (;;) {
    const at = source.offset
    const fail = (what: string): SpopError => new SpopError('ERR_SPOP_CAPTURE', what, at)
    const head = await source.peek(12)
    if (head.length === 0) return
    if (head.length < 12) throw fail('it ends inside a block')
    if (head.readUInt32BE(0) === SECTION) {
      little = head.readUInt32LE(8) === BYTE_ORDER
      if (!little && head.readUInt32BE(8) !== BYTE_ORDER) throw fail('a section of no known byte order')
      interfaces = []
    }
    const read = (bytes: Buffer, position: number): number =>
      little ? bytes.readUInt32LE(position) : bytes.readUInt32BE(position)
    const type = read(head, 0)
    const length = read(head, 4)
    if (length < 12 || length % 4 !== 0 || length > MAX_BLOCK_BYTES) throw fail(`a block of ${length} bytes`)
    const block = await source.take(length)
    if (block.length < length) throw fail('it ends inside a block')
    if (read(block, length - 4) !== length) throw fail('a block whose two lengths differ')
    const body = block.subarray(8, length - 4)
    if (type === INTERFACE) {
      if (interfaces.length === MAX_INTERFACES) throw fail('too many interfaces')
      interfaces.push(readInterface(body, little, fail))
      continue
    }
    const fixed = type === SIMPLE_PACKET ? 4 : 20
    if (type !== SIMPLE_PACKET && type !== ENHANCED_PACKET && type !== OLD_PACKET) continue
    if (body.length < fixed) throw fail('a packet block without a packet')
    let index = 0
    if (type === ENHANCED_PACKET) index = read(body, 0)
    if (type === OLD_PACKET) index = little ? body.readUInt16LE(0) : body.readUInt16BE(0)
    const from = interfaces[index]
    if (from === undefined) throw fail(`a packet of interface ${index}, which is not described`)
    if (type === SIMPLE_PACKET) {
      const captured = Math.min(read(body, 0), from.snapLength === 0 ? body.length : from.snapLength)
      yield { linkType: from.linkType, time: undefined, data: body.subarray(fixed, fixed + captured) }
      continue
    }
    const captured = read(body, 12)
    if (captured > body.length - fixed) throw fail('a packet longer than its block')
    const ticks = (BigInt(read(body, 4)) << 32n) | BigInt(read(body, 8))
    const time = from.offset * 1_000_000_000n + (ticks * 1_000_000_000n) / from.resolution
    yield { linkType: from.linkType, time, data: body.subarray(fixed, fixed + captured) }
  }
}

/** Times are microseconds since 1970 unless an option says otherwise: 10^-n of a second, or 2^-n with the top bit set. */
function readInterface(body: Buffer, little: boolean, fail: (what: string) => SpopError): Interface {
  if (body.length < 8) throw fail('an interface block without an interface')
  const u16 = (at: number): number => (little ? body.readUInt16LE(at) : body.readUInt16BE(at))
  let resolution = 1_000_000n
  let offset = 0n
  for (let at = 8; at + 4 <= body.length;) {
    const code = u16(at)
    const length = u16(at + 2)
    const value = body.subarray(at + 4, at + 4 + length)
    if (code === OPTION_END || value.length < length) break
    if (code === OPTION_TIME_RESOLUTION && length === 1) {
      const exponent = BigInt(value[0]! & 0x7f)
      resolution = (value[0]! & 0x80) === 0 ? 10n ** exponent : 2n ** exponent
    } else if (code === OPTION_TIME_OFFSET && length === 8) {
      offset = little ? value.readBigInt64LE(0) : value.readBigInt64BE(0)
    }
    at += 4 + Math.ceil(length / 4) * 4
  }
  const snapLength = little ? body.readUInt32LE(4) : body.readUInt32BE(4)
  return { linkType: u16(0), snapLength, resolution, offset }
}
