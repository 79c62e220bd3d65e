import { SpopError } from '../errors.ts'
import type { ByteSource } from './byte-source.ts'

/** One packet of a capture. */
export interface Packet {
  readonly linkType: number
  /** Nanoseconds since 1970; undefined where the format has no time. */
  readonly time: bigint | undefined
  /** What was captured of it. */
  readonly data: Buffer
}

/** Far above every packet of the link types that are understood; a larger length is garbage, not a reason to allocate. */
export const MAX_PACKET_BYTES = 1024 * 1024

const MICROSECONDS = 0xa1b2c3d4
const NANOSECONDS = 0xa1b23c4d
const FILE_HEADER_BYTES = 24
const RECORD_HEADER_BYTES = 16

/** Whether a file that begins so is a pcap, in the byte order of either kind of machine. */
export function isPcap(start: Buffer): boolean {
  if (start.length < 4) return false
  return [start.readUInt32BE(0), start.readUInt32LE(0)].some((word) => word === MICROSECONDS || word === NANOSECONDS)
}

/**
 * pcap     header record*                          (draft-ietf-opsawg-pcap)
 * header   magic:u32 major:u16 minor:u16 0:u32 0:u32 snaplen:u32 linktype:u32
 * record   seconds:u32 fraction:u32 captured:u32 original:u32 bytes[captured]
 *
 * The magic says the byte order of all numbers and whether fractions are microseconds (a1b2c3d4) or nanoseconds
 * (a1b23c4d). The upper half of `linktype` holds other things.
 *
 * @throws SpopError ERR_SPOP_CAPTURE
 */
export async function* readPcap(source: ByteSource): AsyncGenerator<Packet> {
  const header = await source.take(FILE_HEADER_BYTES)
  if (header.length < FILE_HEADER_BYTES) throw new SpopError('ERR_SPOP_CAPTURE', 'it ends in its header', source.offset)
  const little = header[0] === 0xd4 || header[0] === 0x4d
  const u32 = (bytes: Buffer, at: number): number => (little ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at))
  const unit = u32(header, 0) === NANOSECONDS ? 1n : 1000n
  const linkType = u32(header, 20) & 0xffff
  for (;;) {
    const at = source.offset
    const record = await source.take(RECORD_HEADER_BYTES)
    if (record.length === 0) return
    if (record.length < RECORD_HEADER_BYTES) throw new SpopError('ERR_SPOP_CAPTURE', 'it ends inside a packet', at)
    const length = u32(record, 8)
    if (length > MAX_PACKET_BYTES) throw new SpopError('ERR_SPOP_CAPTURE', `a packet of ${length} bytes`, at)
    const data = await source.take(length)
    if (data.length < length) throw new SpopError('ERR_SPOP_CAPTURE', 'it ends inside a packet', at)
    yield { linkType, time: BigInt(u32(record, 0)) * 1_000_000_000n + BigInt(u32(record, 4)) * unit, data }
  }
}
