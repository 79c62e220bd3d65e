import { ClientSession } from '../../node-spoe/src/client/session.ts'
import { SpopError } from '../../node-spoe/src/index.ts'
import { ensure } from './failure.ts'
import { isFrame } from './plain.ts'

const NOTIFIES = 4
const PAYLOAD = Buffer.from('026d3100', 'hex')

/**
 * Plays an agent's bytes to a client session that has sent four NOTIFYs, with stream-ids 1, 3, 5 and 7.
 *
 * @throws FuzzFailure
 */
export function runClient(bytes: Buffer, length: number, cuts: readonly number[], strict: boolean): void {
  let ends = 0
  let sent = 0
  const answered = new Set<number>()
  const session = new ClientSession<number>(
    {
      maxFrameSize: 16_380,
      capabilities: 'pipelining',
      supportedVersions: '2.0',
      engineId: 'fuzz',
      fragmentation: false,
      strict,
    },
    {
      send: (frame) => {
        sent++
        ensure(
          frame.readUInt32BE(0) === frame.length - 4 && isFrame(frame, 4, frame.length),
          'the client sent a malformed frame',
        )
      },
      hello: () => {
        for (let i = 0; i < NOTIFIES; i++) session.notify(PAYLOAD, i)
      },
      ack: (context) => {
        ensure(ends === 0, 'an ACK after the end')
        ensure(!answered.has(context), `two ACKs for NOTIFY ${context}`)
        answered.add(context)
      },
      end: (error) => {
        ensure(
          error instanceof SpopError && error.code !== 'ERR_SPOP_INTERNAL',
          `the client ended with ${String(error)}`,
        )
        ends++
      },
      complaint: (error) => ensure(error instanceof SpopError, `the client complained of ${String(error)}`),
    },
  )
  session.greet()
  for (let from = 0, i = 0; from < length; i++) {
    const to = Math.min(cuts[i] ?? length, length)
    session.receive(bytes.subarray(from, to))
    from = to
  }
  ensure(ends <= 1, `the client ended ${ends} times`)
  ensure(session.closed === (ends === 1), 'closed without an end')
  ensure(sent <= NOTIFIES + 2, `the client sent ${sent} frames`)
}
