import { SpopError } from '../errors.ts'
import type { Cursor } from './varint.ts'

/** Frame types (SPOE.txt 3.2.2). */
export const FrameType = {
  UNSET: 0,
  HAPROXY_HELLO: 1,
  HAPROXY_DISCONNECT: 2,
  NOTIFY: 3,
  AGENT_HELLO: 101,
  AGENT_DISCONNECT: 102,
  ACK: 103,
} as const

export const FLAG_FIN = 1
export const FLAG_ABORT = 2

/** TYPE, FLAGS and two one-byte ids: a smaller LEN is an error, never a reason to wait for more bytes. */
export const MIN_FRAME_LENGTH = 7
/** Smallest max-frame-size the protocol allows (SPOE.txt 3.2.4). */
export const MIN_MAX_FRAME_SIZE = 256
/** HAProxy's default, `tune.bufsize - 4`, and the limit for frames before HELLO has settled one. */
export const DEFAULT_MAX_FRAME_SIZE = 16380

/** LEN, the 4 bytes in front of a frame, checked before anything is buffered. */
export function readFrameLength(buffer: Uint8Array, position: number, limit: number): number {
  const length =
    buffer[position]! * 2 ** 24 + ((buffer[position + 1]! << 16) | (buffer[position + 2]! << 8) | buffer[position + 3]!)
  if (length < MIN_FRAME_LENGTH) throw new SpopError('ERR_SPOP_FRAME_TOO_SHORT', length)
  if (length > limit) throw new SpopError('ERR_SPOP_FRAME_TOO_BIG', length, limit)
  return length
}

/** Header of one frame; a session keeps one and fills it anew for each frame. */
export class FrameHeader {
  type = 0
  flags = 0
  /** The bytes of SID and FID lie in `[idsStart, idsEnd)`. An ACK echoes them as they came; nobody needs the numbers. */
  idsStart = 0
  idsEnd = 0

  /**
   * LEN    u32 big-endian, already read
   * TYPE   u8
   * FLAGS  u32 big-endian: bit 0 FIN, bit 1 ABORT
   * SID    varint
   * FID    varint
   * payload
   *
   * Leaves the cursor at the payload.
   */
  read(cursor: Cursor): void {
    this.type = cursor.byte('the frame type')
    const flags = cursor.skip(4, 'the frame flags')
    this.flags = cursor.buffer[flags + 3]!
    this.idsStart = cursor.position
    cursor.skipVarint('the stream-id')
    cursor.skipVarint('the frame-id')
    this.idsEnd = cursor.position
  }

  /** HELLO and DISCONNECT belong to no stream (SPOE.txt 3.2.4, 3.2.8). */
  requireNoIds(cursor: Cursor): void {
    const { buffer } = cursor
    if (this.idsEnd - this.idsStart !== 2 || buffer[this.idsStart] !== 0 || buffer[this.idsStart + 1] !== 0) {
      throw new SpopError('ERR_SPOP_IDS', this.type)
    }
  }
}
