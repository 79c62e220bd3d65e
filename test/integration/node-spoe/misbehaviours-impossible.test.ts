// What the other misbehaviours-*.test.ts show HAProxy to suffer from, tried with handlers of node-spoe.
import { describe, expect, it, onTestFinished } from 'vitest'
import { type AgentOptions, message, type Reply } from '../../../node-spoe/src/index.ts'
import { type Peer, peer, until } from '../../node-spoe/support/peer.ts'
import { actions, frame, hello, kv, messageBytes, notify, typed } from '../../node-spoe/support/wire.ts'
import { HAPROXY_VERSIONS } from '../../support/edge.ts'
import { set } from '../../support/fake-agent.ts'
import { LONGEST, TOO_LONG } from '../../support/misbehaviour.ts'
import { startAgent, startSpoe, type TestAgent } from '../../support/spoe.ts'
import { expose } from '../../support/spoe-config.ts'

const AGENT_DISCONNECT = 102
const ACK = 103

interface Connected {
  readonly server: TestAgent
  readonly connection: Peer
  readonly another: () => Promise<Peer>
}

/** An agent with a handler of the message `m`, and a connection to it on which HELLO has been said. */
async function connected(
  handle: (reply: Reply, n: number) => void | Promise<void>,
  options: Partial<AgentOptions> = {},
  frameSize = 16_380,
): Promise<Connected> {
  const server = await startAgent({
    varPrefix: 'r00',
    fallback: (reply, cause) => reply.setVar('txn', 'cause', cause),
    ...options,
    messages: { m: message({ args: { n: 'int' }, handle: (view, reply) => handle(reply, Number(view.get('n'))) }) },
  })
  onTestFinished(() => server.agent.close())
  async function another(): Promise<Peer> {
    const one = await peer(server.addresses[0]!)
    onTestFinished(() => void one.socket.destroy())
    one.socket.write(hello({ 'max-frame-size': typed.uint32(frameSize) }))
    await one.frames(1)
    return one
  }
  return { server, connection: await another(), another }
}

const ask = (n: number, stream: bigint | number = 1): Buffer =>
  notify([messageBytes('m', { n: typed.int64(n) })], stream)

/** What the ACKs so far set, by stream-id. Every frame behind HELLO must be one. */
async function acks(connection: Peer, count: number): Promise<[bigint, unknown[]][]> {
  const [, ...list] = await connection.frames(1 + count)
  expect(new Set(list.map(({ type }) => type))).toEqual(new Set([ACK]))
  return list.map(({ streamId, payload }) => [streamId, actions(payload)])
}

/** A promise that resolves when the test says so. */
function gate(): { readonly opened: Promise<void>; open(): void } {
  let open: () => void = () => {}
  const opened = new Promise<void>((resolve) => (open = resolve))
  return { opened, open: () => open() }
}

describe('no handler can make node-spoe', () => {
  it('say HELLO in more than one write', async () => {
    const server = await startAgent({ messages: {} })
    onTestFinished(() => server.agent.close())
    const connection = await peer(server.addresses[0]!)
    onTestFinished(() => void connection.socket.destroy())
    const first = new Promise<Buffer>((resolve) => connection.socket.once('data', resolve))
    connection.socket.write(hello())
    const bytes = await first
    expect(bytes).toHaveLength(4 + bytes.readUInt32BE(0))
  })

  it('send an ACK above the agreed size, whatever it sets', async () => {
    const { server, connection } = await connected(
      (reply, n) => reply.setVar('txn', 'a', 'x'.repeat(n)),
      // No answer waits for others to be read.
      { bufsize: 2 ** 30 },
      256,
    )
    const lengths = [...Array.from({ length: 60 }, (_, i) => 210 + i), 50_000]
    connection.socket.write(Buffer.concat(lengths.map((n) => ask(n))))
    const [, ...sent] = await connection.frames(1 + lengths.length)
    for (const [i, { payload }] of sent.entries()) {
      const action = set('a', 'x'.repeat(lengths[i]!))
      const cause = [['set txn.cause', 'error']]
      expect(actions(payload)).toEqual(7 + action.length <= 256 ? actions(action) : cause)
      expect(7 + payload.length).toBeLessThanOrEqual(256)
    }
    expect(server.agent.counters.oversizeAcks).toBeGreaterThan(10)
  })

  it('answer late, or twice, when it sets variables after its deadline', async () => {
    const late = gate()
    const { server, connection } = await connected(
      async (reply, n) => {
        if (n === 2) return
        await late.opened
        reply.setVar('txn', 'a', 'late')
      },
      // Long enough that no busy machine has the agent skip the handler.
      { deadlineMs: 500 },
    )
    connection.socket.write(ask(1, 1))
    const timedOut = [1n, [['set txn.cause', 'deadline']]]
    expect(await acks(connection, 1)).toEqual([timedOut])
    late.open()
    await until(() => server.agent.counters.lateVariables === 1)
    // Whatever was sent before has arrived with this answer.
    connection.socket.write(ask(2, 3))
    expect(await acks(connection, 2)).toEqual([timedOut, [3n, []]])
  })

  it('answer twice when several messages of a NOTIFY settle, some of them badly', async () => {
    const { connection } = await connected((reply, n) => {
      reply.setVar('txn', 'a', n)
      if (n === 1) throw new Error('of a test')
      // A thenable that resolves twice and rejects as well.
      const twice = (resolve: () => void, reject: (error: unknown) => void): void => {
        resolve()
        resolve()
        reject(new Error('of a test'))
      }
      if (n === 2) return { then: twice } as unknown as Promise<void>
      if (n === 3) return Promise.reject(new Error('of a test'))
      return undefined
    })
    const message_ = (n: number): Buffer => messageBytes('m', { n: typed.int64(n) })
    for (const [i, list] of [
      [1, 2, 3],
      [2, 3],
      [2, 2, 2],
      [3, 3],
    ].entries()) {
      connection.socket.write(notify(list.map(message_), 2 * i + 1))
      await acks(connection, i + 1)
    }
    const failed = [['set txn.cause', 'error']]
    const set_ = [2n, 2n, 2n].map((value) => ['set txn.a', value])
    expect(await acks(connection, 4)).toEqual([
      [1n, failed],
      [3n, failed],
      [5n, set_],
      [7n, failed],
    ])
  })

  it('answer with other ids than those of the NOTIFY, or on another connection', async () => {
    const first = gate()
    const { server, connection, another } = await connected(async (reply, n) => {
      if (n === 1) await first.opened
      reply.setVar('txn', 'a', n)
    })
    connection.socket.write(ask(1, 5))
    await until(() => server.agent.counters.inFlight === 1)
    connection.socket.destroy()
    const second = await another()
    await until(() => server.agent.counters.connections === 1)
    first.open()
    await until(() => server.agent.counters.acksDropped === 1)
    const streams = [0n, 239n, 240n, 2n ** 32n, 2n ** 64n - 1n]
    second.socket.write(Buffer.concat(streams.map((stream) => ask(2, stream))))
    expect(await acks(second, streams.length)).toEqual(streams.map((stream) => [stream, [['set txn.a', 2n]]]))
  })

  it('answer behind a DISCONNECT', async () => {
    const held = gate()
    const { server, connection } = await connected(() => held.opened)
    connection.socket.write(ask(1))
    await until(() => server.agent.counters.inFlight === 1)
    connection.socket.write(frame(2, kv({ 'status-code': typed.uint32(0), message: typed.string('normal') })))
    await connection.closed
    held.open()
    await until(() => server.agent.counters.acksDropped === 1)
    const types = (await connection.frames(2)).map(({ type }) => type)
    expect(types).toEqual([101, AGENT_DISCONNECT])
  })

  it('send what HAProxy would drop, or turn into something else: it is refused, and the rest is sent', async () => {
    const refused: readonly [scope: unknown, name: unknown, value: unknown][] = [
      ['txn', 'b', null],
      ['txn', 'b', undefined],
      ['txn', 'b', { ip: 'none' }],
      ['txn', 'b', 1.5],
      ['txn', 'b', Number.NaN],
      ['txn', 'b', 2n ** 63n],
      ['txn', 'b', Symbol('b')],
      ['nine', 'b', 1],
      ['txn', TOO_LONG, 'x'],
      ['txn', '', 'x'],
      ['txn', 'with space', 'x'],
    ]
    const { server, connection } = await connected((reply) => {
      reply.setVar('txn', 'a', 1)
      for (const [scope, name, value] of refused) reply.setVar(scope as never, name as never, value as never)
      reply.setVar('txn', LONGEST, 2)
    })
    connection.socket.write(ask(1))
    expect(await acks(connection, 1)).toEqual([
      [
        1n,
        [
          ['set txn.a', 1n],
          [`set txn.${LONGEST}`, 2n],
        ],
      ],
    ])
    expect(server.agent.counters.variablesRefused).toBe(refused.length)
    expect(server.errors).toHaveLength(refused.length)
  })
})

describe.each(HAPROXY_VERSIONS)('behind HAProxy %s', (version) => {
  it('what a handler does wrong costs no other request anything', async () => {
    const server = await startAgent({
      varPrefix: 'r00',
      fallback: (reply, cause) => reply.setVar('txn', 'cause', cause),
      messages: {
        m: message({
          args: { path: 'string' },
          handle(view, reply) {
            const path = view.get('path')
            if (path === '/too-much') reply.setVar('txn', 'a', 'x'.repeat(20_000))
            if (path === '/throws') throw new Error('of a test')
            reply.setVar('txn', LONGEST, 'longest')
            reply.setVar('txn', TOO_LONG, 'too long')
          },
        }),
      },
    })
    onTestFinished(() => server.agent.close())
    const spoe = await startSpoe({
      version,
      name: 'r00',
      agents: server.addresses,
      messages: 'spoe-message m\nargs path=path\nevent on-frontend-http-request',
      web: expose(...['a', 'cause', 'error', LONGEST, TOO_LONG].map((name) => `txn.r00.${name}`)),
    })
    onTestFinished(() => spoe.stop())
    const set_ = async (path: string): Promise<unknown> => {
      const { headers } = await spoe.get(path)
      return Object.fromEntries(Object.entries(headers).filter(([name]) => name.startsWith('x-txn-')))
    }
    const good = { [`x-txn-r00-${LONGEST}`]: 'longest' }
    for (let i = 0; i < 3; i++) {
      expect(await set_('/too-much')).toEqual({ 'x-txn-r00-cause': 'error' })
      expect(await set_('/good')).toEqual(good)
      expect(await set_('/throws')).toEqual({ 'x-txn-r00-cause': 'error' })
    }
    expect(new Set(spoe.events().map(({ status }) => status))).toEqual(new Set([0]))
    // 3.0 opens a second one for requests that follow one another.
    expect(server.agent.counters.connectionsTotal).toBeLessThanOrEqual(version === '3.0' ? 2 : 1)
    expect(server.agent.counters.protocolErrors).toBe(0)
  })
})
