import { type Frame, SpopError, encodeFrame, inspectFrame } from '../../node-spoe/src/protocol/index.ts'
import { ensure } from './failure.ts'
import type { AgentModel } from './model.ts'
import { isFrame } from './plain.ts'

/**
 * Decodes a frame (without LEN) and compares: the plain grammar accepts it too or neither does, and what was decoded
 * encodes to the same bytes.
 *
 * @param encode whether to do the second, which costs more than all the rest
 * @throws FuzzFailure
 */
export function checkCodec(bytes: Buffer, start: number, end: number, encode: boolean): Frame | undefined {
  const { frame, error, errorOffset } = inspectFrame(bytes, start, end)
  const accepted = error === undefined
  ensure(
    accepted === isFrame(bytes, start, end),
    accepted ? 'a malformed frame was decoded' : `a good frame was refused: ${error!.message}`,
  )
  if (!accepted) {
    ensure(error instanceof SpopError && error.code !== 'ERR_SPOP_INTERNAL', `decoding threw ${String(error)}`)
    ensure(
      errorOffset !== undefined && errorOffset >= start && errorOffset <= end,
      `error at ${errorOffset}, outside of the frame`,
    )
    return undefined
  }
  ensure(frame !== undefined, 'neither a frame nor an error')
  if (encode) {
    const again = encodeFrame(frame)
    const same = again.length === end - start + 4 && again.compare(bytes, start, end, 4) === 0
    ensure(same, `decoded and encoded again it is ${again.toString('hex', 4)}`)
  }
  return frame
}

/**
 * What the handler of `echo` saw in its argument `a` must be what the codec reads there.
 *
 * @throws FuzzFailure
 */
export function checkSeen(frames: readonly (Frame | undefined)[], model: AgentModel, seen: readonly unknown[]): void {
  let next = 0
  for (const index of model.handled) {
    const frame = frames[index]
    if (frame?.type !== 'NOTIFY') continue
    for (const { name, args } of frame.messages) {
      if (name !== 'echo') continue
      const last = args.findLast((arg) => arg.name === 'a')
      ensure(equal(seen[next], last?.value), `the handler saw ${String(seen[next])}, the codec ${String(last?.value)}`)
      next++
    }
  }
  ensure(next === seen.length, `echo was called ${seen.length} times, not ${next}`)
}

function equal(seen: unknown, decoded: unknown): boolean {
  if (seen === decoded) return true
  if (typeof seen === 'string' && typeof decoded === 'string') return decoded === `::ffff:${seen}`
  return Buffer.isBuffer(seen) && decoded instanceof Uint8Array && seen.equals(decoded)
}
