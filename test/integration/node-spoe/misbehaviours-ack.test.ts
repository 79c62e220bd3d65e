import { typed } from '../../node-spoe/support/wire.ts'
import { ack, set } from '../../support/fake-agent.ts'
import {
  both,
  describeAgentsThat,
  type Expected,
  failed,
  fine,
  LONGEST,
  NEXT,
  once,
  type Outcome,
  type Row,
  STALL,
  TOO_LONG,
} from '../../support/misbehaviour.ts'

const A = set('a', '1')
const B = set('b', '2')
const C = set('c', '3')
const ONE = fine({ a: '1' })

/** The connection is used again. */
function kept(...outcomes: Expected['outcomes']): Expected {
  return { outcomes, connections: 1 }
}

/** The connection is closed, and the next request has another one. */
function closed(first: Outcome, disconnect?: number): Expected {
  return { outcomes: [first, NEXT], connections: 2, ...(disconnect !== undefined && { disconnect }) }
}

/** Actions HAProxy takes or leaves, without a word. */
const CONTENTS: readonly Row[] = [
  ['sends an empty ACK', [], fine()],
  ['sends a good ACK', [A, B], fine({ a: '1', b: '2' })],
  ['puts an unknown action between good ones', [A, Buffer.of(7, 3, 2, 1, 98, 17), C], ONE],
  ['announces two arguments for a set-var', [Buffer.concat([Buffer.of(1, 2), A.subarray(2)]), B], fine()],
  [
    'sends a name of 63 bytes with scope and prefix, and one of 64',
    [A, set(LONGEST, 'fits'), set(TOO_LONG, 'does not'), C],
    fine({ a: '1', [LONGEST]: 'fits', c: '3' }),
  ],
  ['sets a variable to NULL', [A, set('a', typed.null()), B], fine({ b: '2' })],
  ['sets a variable to the reserved type 12', [A, set('a', Buffer.of(12)), B], fine({ b: '2' })],
  ['sets a flag on a STRING', [set('a', Buffer.of(0x18, 1, 0x31)), B], fine({ a: '1', b: '2' })],
  ['uses an unknown scope', [A, Buffer.of(1, 3, 9, 1, 98, 17), C], ONE],
  ['adds a zero byte', [A, Buffer.of(0)], ONE],
  ['ends an ACK inside its second action', [A, B.subarray(0, -1)], ONE],
  ['ends an ACK inside its first name', [set('abc', '1').subarray(0, 5)], fine()],
].map(([agent, actions, outcome]) => ({
  agent: agent as string,
  behaviour: once((notify) => [ack(notify, actions as Buffer[])]),
  ...both(kept(outcome as typeof NEXT, NEXT)),
}))

/** ACKs cut into pieces, doubled, late, with other ids and flags. */
const FRAMES: readonly Row[] = [
  {
    agent: 'sends an ACK in three writes',
    behaviour: once((notify) => {
      const bytes = ack(notify, [A])
      return [bytes.subarray(0, 3), 2, bytes.subarray(3, 12), 2, bytes.subarray(12)]
    }),
    ...both(kept(ONE, NEXT)),
  },
  {
    agent: 'sets ABORT on an ACK with actions',
    behaviour: once((notify) => [ack(notify, [A], { flags: 3 })]),
    ...both(kept(ONE, NEXT)),
  },
  {
    agent: 'sends an ACK without FIN',
    behaviour: once((notify) => [ack(notify, [A], { flags: 0 })]),
    applet: closed(failed(256), 10),
    mux: closed(STALL),
  },
  {
    agent: 'answers one NOTIFY with two ACKs in one write',
    behaviour: once((notify) => [Buffer.concat([ack(notify, [A]), ack(notify, [B])])]),
    applet: kept(ONE, NEXT),
    // The reason why node-spoe must settle a NOTIFY once and for all.
    mux: kept(fine({ a: '1', b: '2' }), NEXT),
  },
  {
    agent: 'sends an ACK a second time when its request is over',
    behaviour: again(true),
    ...both(kept(fine({ a: '1' }), NEXT)),
  },
  {
    agent: 'sends an ACK when HAProxy has given up on it',
    behaviour: again(false),
    ...both(kept(STALL, NEXT)),
  },
  {
    agent: 'sends an ACK with another stream-id before the right one',
    behaviour: once((notify) => [ack(notify, [B], { stream: 100n }), ack(notify, [A])]),
    applet: kept(ONE, NEXT),
    mux: closed(STALL),
  },
  {
    agent: 'sends an ACK with another frame-id before the right one',
    behaviour: once((notify) => [ack(notify, [B], { frameId: 5n }), ack(notify, [A])]),
    applet: kept(ONE, NEXT),
    mux: closed(STALL),
  },
  {
    agent: 'sends an ACK above the agreed size',
    behaviour: once((notify) => [ack(notify, [set('a', 'x'.repeat(17_000))])]),
    applet: closed(failed(259), 3),
    // The connection is lost for good, and HAProxy goes on using it.
    mux: kept(STALL, STALL),
  },
  {
    agent: 'sends 15 bytes of an ACK and falls silent',
    behaviour: once((notify) => [ack(notify, [set('a', 'x'.repeat(10))]).subarray(0, 15)]),
    applet: { ...kept(STALL, failed(259)), disconnect: 3 },
    mux: kept(STALL, STALL),
  },
  {
    agent: 'does not answer',
    behaviour: once(() => []),
    ...both(kept(STALL, NEXT)),
  },
]

/** ACKs the first NOTIFY together with the second one, after the first's request has ended. */
function again(alsoInTime: boolean): Row['behaviour'] {
  let first: Buffer = Buffer.alloc(0)
  return {
    notify(notify, n) {
      if (n > 0) return [Buffer.concat([first, ack(notify, [set('next', '1')])])]
      first = ack(notify, [A])
      return alsoInTime ? [first] : []
    },
  }
}

describeAgentsThat([...CONTENTS, ...FRAMES], 6)
