import { SpopError } from '../errors.ts'
import { encodeFrame } from '../protocol/encode.ts'

/** What HAProxy keeps free for the header when it fills a frame. */
const HEADER_RESERVE = 32

/** Ids of a NOTIFY. */
export interface Ids {
  readonly streamId: number | bigint
  readonly frameId: number | bigint
}

/**
 * NOTIFY (SPOE.txt 3.2.6), whole frames. One, or the pieces of one as HAProxy up to 3.0 cuts it: the first is a NOTIFY
 * without FIN, the others are UNSET with the same ids, the last of them with FIN. A message may be cut at any byte.
 *
 * @param payload LIST-OF-MESSAGES
 * @param maxFrameSize agreed, bytes; HAProxy puts 32 less into a payload
 * @param fragment whether the agent takes fragments
 * @throws SpopError ERR_SPOP_FRAME_TOO_BIG
 */
export function encodeNotify(payload: Buffer, ids: Ids, maxFrameSize: number, fragment: boolean): Buffer {
  const room = maxFrameSize - HEADER_RESERVE
  if (payload.length <= room) return encodeFrame({ type: 'NOTIFY', ...ids, messages: [], payload })
  if (!fragment) throw new SpopError('ERR_SPOP_FRAME_TOO_BIG', payload.length + HEADER_RESERVE, maxFrameSize)
  const pieces: Buffer[] = []
  for (let at = 0; at < payload.length; at += room) {
    const piece = payload.subarray(at, at + room)
    const flags = { fin: at + room >= payload.length }
    if (at === 0) pieces.push(encodeFrame({ type: 'NOTIFY', ...ids, flags, messages: [], payload: piece }))
    else pieces.push(encodeFrame({ type: 'UNSET', ...ids, flags, payload: piece }))
  }
  return Buffer.concat(pieces)
}
