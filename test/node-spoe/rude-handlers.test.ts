import { expect, test } from 'vitest'
import { type Agent, createAgent, type Reply } from '../../node-spoe/src/index.ts'
import { agentWith, echo } from './support/agents.ts'
import { fallback, plain, turn } from './support/handlers.ts'
import { harness } from './support/harness.ts'
import { type DecodedFrame, actions, frame, frames, hello, messageBytes, notify, varint } from './support/wire.ts'

const one = (name: string, id = 1): Buffer => notify([messageBytes(name)], id)
const ERROR = [['set txn.cause', 'error']]

test.each([
  [
    'whose getter throws',
    {
      // oxlint-disable-next-line unicorn/no-thenable
      get then(): never {
        throw new Error('getter')
      },
    },
  ],
  [
    'that throws',
    {
      // oxlint-disable-next-line unicorn/no-thenable
      then(): never {
        throw new Error('then')
      },
    },
  ],
  [
    "of a promise's own that throws",
    Object.assign(Promise.resolve(), {
      // oxlint-disable-next-line unicorn/no-thenable
      then(): never {
        throw new Error('own')
      },
    }),
  ],
])('a "then" %s costs its own request only', async (_, thenable) => {
  const h = harness({
    messages: { rude: plain(() => thenable as never), good: plain((_view, reply) => reply.setVar('txn', 'ok', true)) },
    fallback,
    deadlineMs: 60_000,
  })
  h.receive(one('rude', 1), one('good', 2))
  await turn()
  const sorted = h.sent().toSorted((a, b) => Number(a.streamId - b.streamId))
  expect(sorted.map(({ payload }) => actions(payload))).toEqual([ERROR, [['set txn.ok', true]]])
  expect([h.counters.inFlight, h.closed]).toEqual([0, undefined])
})

test('a "then" that settles at once, beside a handler that throws, gives one ACK', async () => {
  // oxlint-disable-next-line unicorn/no-thenable
  const instant = { then: (resolve: () => void) => resolve() }
  const h = harness({
    messages: {
      instant: plain(() => instant as never),
      throws: plain(() => {
        throw new Error('x')
      }),
    },
    fallback,
  })
  h.receive(notify([messageBytes('instant'), messageBytes('throws')], 1))
  await turn()
  expect(h.acks()).toEqual([ERROR])
  expect(h.counters.inFlight).toBe(0)
})

test('a NOTIFY with thousands of messages is refused before the first handler is called', () => {
  let handled = 0
  const h = harness({ messages: { m: plain(() => void handled++) }, fallback })
  h.receive(notify(Array.from({ length: 65 }, () => messageBytes('m'))))
  expect([handled, h.acks()]).toEqual([0, [[['set txn.cause', 'overload']]]])
  h.receive(notify(Array.from({ length: 64 }, () => messageBytes('m'))))
  expect(handled).toBe(64)
})

test.each([5, undefined, null, {}, ''])('a variable named %j is refused', (name) => {
  const h = harness({ messages: { m: plain((_, reply) => reply.setVar('txn', name as never, true)) } })
  h.receive(one('m'))
  expect(h.acks()).toEqual([[]])
  expect(h.errors).toEqual([expect.objectContaining({ code: 'ERR_SPOP_VARIABLE_NAME' })])
})

/** A session of its own, whose frames are collected. */
function open(agent: Agent): { session: ReturnType<Agent['session']>; sent: () => DecodedFrame[]; closes: number[] } {
  const writes: Buffer[] = []
  const closes: number[] = []
  const session = agent.session({ write: (bytes) => writes.push(bytes), close: (holdMs) => closes.push(holdMs) })
  session.receive(hello())
  return { session, sent: () => frames(Buffer.concat(writes)), closes }
}

test.each([true, false])('a handler that brings the next NOTIFY itself has an answer of its own (sync: %s)', (sync) => {
  let inner: ReturnType<typeof open> | undefined
  const sets = (value: string) => (_: unknown, reply: Reply) => reply.setVar('txn', 'decision', value)
  const agent = createAgent({
    messages: {
      outer: {
        args: {},
        sync,
        handle(_: unknown, reply: Reply) {
          inner?.session.receive(one('inner', 3))
          sets('deny')(_, reply)
        },
      },
      inner: { args: {}, sync, handle: sets('allow') },
    },
  })
  inner = open(agent)
  const outer = open(agent)
  outer.session.receive(one('outer', 1))
  expect(actions(outer.sent()[1]!.payload)).toEqual([['set txn.decision', 'deny']])
  expect(actions(inner.sent()[1]!.payload)).toEqual([['set txn.decision', 'allow']])
})

test('end() within a handler answers what is handled first', () => {
  const agent = createAgent({ messages: { bye: plain(() => carried.session.end()) } })
  const carried = open(agent)
  carried.session.receive(Buffer.concat([one('bye', 1), one('bye', 2)]))
  expect(carried.sent().map(({ type }) => type)).toEqual([101, 103, 103, 102])
  expect(carried.closes).toEqual([0])
})

test('a carrier that throws has gone, and is reported', () => {
  const errors: unknown[] = []
  const agent = agentWith({ onError: (error) => errors.push(error) })
  const session = agent.session({
    write() {
      throw new Error('carrier dead')
    },
    close() {},
  })
  session.receive(Buffer.concat([hello(), echo(1)]))
  session.receive(echo(2))
  expect(errors).toEqual([new Error('carrier dead')])
  expect(agent.counters.notifies).toBeLessThan(2)
})

test('the deadline of a NOTIFY in fragments counts from the first', async () => {
  const h = harness({
    messages: { m: plain(() => new Promise<void>(() => {})), n: plain(() => new Promise<void>(() => {})) },
    fallback,
    deadlineMs: 300,
    maxReassembledSize: 1_000,
  })
  const ids = Buffer.concat([varint(7), varint(1)])
  const payload = messageBytes('m')
  h.receive(frame(3, payload.subarray(0, 1), ids, 0))
  await new Promise((resolve) => setTimeout(resolve, 200))
  // In flight already, but its deadline is later.
  h.session.receive(frame(0, payload.subarray(1), ids, 1), performance.now())
  h.receive(one('n', 9))
  await new Promise((resolve) => setTimeout(resolve, 170))
  expect(h.sent().map(({ streamId }) => streamId)).toEqual([7n])
})
