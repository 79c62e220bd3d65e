import { SpopError } from '../errors.ts'
import { FrameSplitter } from '../splitter.ts'
import { decodeFrame } from './decode.ts'
import type { Frame } from './model.ts'

/** No frame of a sane peer is larger; a LEN above it means that the bytes are something else. */
const BACKSTOP_BYTES = 2 ** 20

/**
 * Decodes a recorded byte stream, every frame with its LEN.
 *
 * @param frameLimit largest LEN, bytes
 * @throws SpopError for a frame that is malformed, out of bounds, or cut off at the end
 */
export function decodeStream(bytes: Buffer, frameLimit = BACKSTOP_BYTES): Frame[] {
  const list: Frame[] = []
  let used = 0
  new FrameSplitter().push(bytes, {
    frameLimit,
    frame: (buffer, start, end) => {
      list.push(decodeFrame(buffer, start, end))
      used = end
      return true
    },
  })
  if (used < bytes.length) throw new SpopError('ERR_SPOP_TRUNCATED', 'the last frame')
  return list
}
