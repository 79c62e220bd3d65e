import { expect, test } from 'vitest'
import { message } from '../../node-spoe/src/index.ts'
import { agentWith, echo } from './support/agents.ts'
import { harness } from './support/harness.ts'
import { peer, until } from './support/peer.ts'
import { golden } from './support/vectors.ts'
import { hello, messageBytes, notify, typed } from './support/wire.ts'

const bulk = message({ args: {}, handle: (_, reply) => reply.setVar('txn', 'v', 'x'.repeat(16_000)) })

/** Of HAProxy up to 3.0, to which ACKs go out as they are made. */
const OLD_HELLO = hello({ capabilities: typed.string('pipelining,async') })

test('one read of the smallest NOTIFYs with the largest answers asks for a bounded number of bytes', () => {
  const h = harness({ messages: { bulk } }, false)
  h.receive(OLD_HELLO)
  h.writes.length = 0
  const request = notify([messageBytes('bulk')])
  const total = Math.floor(65_536 / request.length)
  h.receive(Buffer.concat(Array.from({ length: total }, () => request)))
  expect(h.sent()).toHaveLength(total)
  expect(h.counters.overloadAnswers).toBeGreaterThan(total / 2)
  expect(h.writes[0]!.length).toBeLessThan(512 * 1024)
})

test('a peer that does not take its answers is cut off, and the others are served', async () => {
  const errors: unknown[] = []
  const agent = agentWith({ messages: { bulk }, writeTimeoutMs: 200, onError: (error) => errors.push(error) })
  const [address] = await agent.listen('tcp://127.0.0.1:0')
  const slow = await peer(address!)
  const fast = await peer(address!)
  slow.socket.write(OLD_HELLO)
  fast.socket.write(hello())
  await Promise.all([slow.frames(1), fast.frames(1)])
  slow.socket.pause()
  const burst = Buffer.concat(Array.from({ length: 20 }, () => notify([messageBytes('bulk')])))
  const flood = setInterval(() => slow.socket.write(burst), 5)
  await until(() => agent.counters.slowPeersClosed === 1)
  clearInterval(flood)
  fast.socket.write(notify([messageBytes('bulk')]))
  await fast.frames(2)
  expect(agent.counters.connections).toBe(1)
  expect(errors).toEqual([expect.objectContaining({ code: 'ERR_SPOP_SLOW_READER' })])
})

test('a connection on which nothing comes is closed with AGENT-DISCONNECT 2, one that is used is not', async () => {
  const agent = agentWith({ idleTimeoutMs: 1_200 })
  const [address] = await agent.listen('tcp://127.0.0.1:0')
  const idle = await peer(address!)
  const used = await peer(address!)
  idle.socket.write(hello())
  used.socket.write(hello())
  const use = setInterval(() => used.socket.write(echo(1)), 50)
  await idle.closed
  clearInterval(use)
  expect((await idle.frames(2))[1]!.type).toBe(102)
  await until(() => agent.counters.connections === 1)
  expect(agent.counters.idleClosed).toBe(1)
})

test('a connection above maxConnections is held, unread, before it is closed', async () => {
  const agent = agentWith({ maxConnections: 1, refusalDelayMs: 300 })
  const [address] = await agent.listen('tcp://127.0.0.1:0')
  const first = await peer(address!)
  first.socket.write(hello())
  await first.frames(1)
  const start = performance.now()
  const refused = await peer(address!)
  refused.socket.write(hello())
  await refused.closed
  expect(performance.now() - start).toBeGreaterThan(250)
  expect(refused.received()).toHaveLength(0)
})

test('refused connections that are held do not delay a drain', async () => {
  const agent = agentWith({ maxConnections: 1, refusalDelayMs: 600_000 })
  const [address] = await agent.listen('tcp://127.0.0.1:0')
  await peer(address!)
  const refused = await peer(address!)
  await until(() => agent.counters.connectionsRefused === 1)
  await agent.drain({ timeoutMs: 5_000 })
  await refused.closed
})

test('NOTIFYs of one connection that wait for promises are bounded, apart from the total', async () => {
  const never = message({ args: {}, handle: () => new Promise<void>(() => {}) })
  const agent = agentWith({ messages: { never }, maxInFlightPerConnection: 3 })
  const [address] = await agent.listen('tcp://127.0.0.1:0')
  const greedy = await peer(address!)
  const modest = await peer(address!)
  greedy.socket.write(Buffer.concat([hello(), ...Array.from({ length: 5 }, () => notify([messageBytes('never')]))]))
  await greedy.frames(3)
  modest.socket.write(Buffer.concat([hello(), notify([messageBytes('never')])]))
  await until(() => agent.counters.inFlight === 4)
  expect(agent.counters.overloadAnswers).toBe(2)
})

test('a health check that stays open is closed without another frame', async () => {
  const agent = agentWith({ helloTimeoutMs: 50 })
  const [address] = await agent.listen('tcp://127.0.0.1:0')
  const check = await peer(address!)
  check.socket.write(golden('haproxy-hello health check'))
  await check.closed
  expect((await check.frames(1)).map(({ type }) => type)).toEqual([101])
})
