import { SpopError } from '../errors.ts'
import { decodeFrame } from '../protocol/decode.ts'
import { FLAG_FIN, FrameType, MIN_FRAME_LENGTH } from '../protocol/frame.ts'
import { encodeMessages } from '../protocol/encode.ts'
import { type SampleMessages, toMessages } from './sample.ts'

/** LEN, TYPE, FLAGS. */
const ID_AT = 9
const ID_BYTES = 5
const HEADER_BYTES = ID_AT + ID_BYTES + 1

/**
 * NOTIFY frames of a load differ in their stream-id only, so they are kept ready and nothing but the id is written.
 * That asks for ids of one width: those of five bytes, which are the 2^32 values from 33818864 on.
 *
 *   F0|n[0-3]  80|n[4-10]  80|n[11-17]  80|n[18-24]  n[25-31]      n = stream-id - 33818864     (SPOE.txt 3.1)
 *
 * Frame-id 1.
 */
export function writeNotifyId(frames: Buffer, frameAt: number, n: number): void {
  const at = frameAt + ID_AT
  frames[at] = 0xf0 | (n & 15)
  frames[at + 1] = 0x80 | ((n >>> 4) & 127)
  frames[at + 2] = 0x80 | ((n >>> 11) & 127)
  frames[at + 3] = 0x80 | ((n >>> 18) & 127)
  frames[at + 4] = n >>> 25
}

/**
 * The `n` of a whole ACK with FIN, or -1 if the frame in `[start, end)`, behind its LEN, is anything else.
 *
 *   67 FLAGS:u32 SID:5 01
 */
export function readAckId(buffer: Buffer, start: number, end: number): number {
  if (end - start < HEADER_BYTES - 4 || buffer[start] !== FrameType.ACK || (buffer[start + 4]! & FLAG_FIN) === 0)
    return -1
  const b0 = buffer[start + 5]!
  const b1 = buffer[start + 6]!
  const b2 = buffer[start + 7]!
  const b3 = buffer[start + 8]!
  const b4 = buffer[start + 9]!
  if (b0 < 0xf0 || (b1 & b2 & b3) < 0x80 || b4 > 0x7f || buffer[start + 10] !== 1) return -1
  return ((b0 & 15) | ((b1 & 127) << 4) | ((b2 & 127) << 11) | ((b3 & 127) << 18) | (b4 << 25)) >>> 0
}

/**
 * A NOTIFY with place for such an id, LEN included.
 *
 * @param notify messages, or a whole NOTIFY frame with its LEN, whose ids are replaced
 * @throws SpopError ERR_SPOP_ENCODE, the errors of a malformed frame, ERR_SPOP_OPTION if it is no whole NOTIFY
 */
export function loadFrame(notify: SampleMessages | Uint8Array): Buffer {
  const payload = notify instanceof Uint8Array ? payloadOf(Buffer.from(notify)) : encodeMessages(toMessages(notify))
  const frame = Buffer.alloc(HEADER_BYTES + payload.length)
  frame.writeUInt32BE(frame.length - 4)
  frame[4] = FrameType.NOTIFY
  frame.writeUInt32BE(FLAG_FIN, 5)
  frame[HEADER_BYTES - 1] = 1
  payload.copy(frame, HEADER_BYTES)
  writeNotifyId(frame, 0, 0)
  return frame
}

function payloadOf(bytes: Buffer): Buffer {
  const whole = bytes.length >= 4 + MIN_FRAME_LENGTH && bytes.readUInt32BE() === bytes.length - 4
  const frame = whole ? decodeFrame(bytes, 4) : undefined
  if (frame?.type !== 'NOTIFY' || !frame.flags.fin) {
    throw new SpopError('ERR_SPOP_OPTION', 'notify', 'the bytes are not one whole NOTIFY with its LEN')
  }
  return encodeMessages(frame.messages)
}
