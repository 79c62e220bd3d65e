import { describe, expect, test } from 'vitest'
import { message } from '../../node-spoe/src/index.ts'
import { agentWith, echo, slow } from './support/agents.ts'
import { sleep } from './support/harness.ts'
import { peer, until } from './support/peer.ts'
import { golden } from './support/vectors.ts'
import { hello, keyValues, messageBytes, notify, typed } from './support/wire.ts'

describe('a connection', () => {
  test('carries thousands of pipelined NOTIFYs, cut anywhere, with one ACK each', async () => {
    const agent = agentWith()
    const [address] = await agent.listen('tcp://127.0.0.1:0')
    const one = await peer(address!)
    const stream = Buffer.concat([hello(), ...Array.from({ length: 5000 }, (_, n) => echo(n))])
    for (let at = 0; at < stream.length; at += 7919) one.socket.write(stream.subarray(at, at + 7919))
    const sent = await one.frames(5001)
    expect(sent.slice(1).map((frame) => Number(frame.streamId))).toEqual([...Array(5000).keys()])
    expect(agent.counters).toMatchObject({
      notifies: 5000,
      acks: 5000,
      messages: 5000,
      framesIn: 5001,
      framesOut: 5001,
      bytesIn: stream.length,
    })
    expect(agent.counters.bytesOut).toBe(one.received().length)
  })

  test('answers synchronous NOTIFYs while asynchronous ones wait', async () => {
    const [address] = await agentWith({ deadlineMs: 1000 }).listen('tcp://127.0.0.1:0')
    const one = await peer(address!)
    one.socket.write(Buffer.concat([hello(), slow(30, 100), echo(1)]))
    const sent = await one.frames(3)
    expect(sent.map((frame) => Number(frame.streamId))).toEqual([0, 1, 100])
  })

  test('that HAProxy resets or leaves with answers due is no error', async () => {
    const errors: unknown[] = []
    const agent = agentWith({ onError: (error) => errors.push(error), deadlineMs: 1000 })
    const [address] = await agent.listen('tcp://127.0.0.1:0')
    for (const leave of ['resetAndDestroy', 'end'] as const) {
      const one = await peer(address!)
      one.socket.write(Buffer.concat([hello(), slow(30)]))
      await one.frames(1)
      await until(() => agent.counters.inFlight === 1)
      one.socket[leave]()
      await until(() => agent.counters.connections === 0 && agent.counters.inFlight === 0)
    }
    expect(agent.counters).toMatchObject({ connectionsTotal: 2, acksDropped: 2, protocolErrors: 0 })
    expect(errors).toEqual([])
  })

  test('with a wrong HELLO is held before it is refused and closed', async () => {
    const agent = agentWith({ refusalDelayMs: 150 })
    const [address] = await agent.listen('tcp://127.0.0.1:0')
    const one = await peer(address!)
    const start = performance.now()
    one.socket.write(hello({ 'supported-versions': typed.string('3.0') }))
    const [refusal] = await one.frames(1)
    expect(performance.now() - start).toBeGreaterThan(140)
    expect(keyValues(refusal!.payload)).toEqual({ 'status-code': 8n, message: 'unsupported version' })
    await one.closed
    await until(() => agent.counters.connections === 0)
  })

  test('without a HELLO is closed in time', async () => {
    const agent = agentWith({ helloTimeoutMs: 50 })
    const [address] = await agent.listen('tcp://127.0.0.1:0')
    const silent = await peer(address!)
    const healthy = await peer(address!)
    healthy.socket.write(hello())
    const check = await peer(address!)
    check.socket.write(golden('haproxy-hello health check'))
    await Promise.all([silent.closed, check.closed])
    expect((await silent.frames(1))[0]!.type).toBe(102)
    healthy.socket.write(echo(1))
    await healthy.frames(2)
    expect(agent.counters.connections).toBe(1)
  })

  test('above maxConnections is closed at once, and a free place is used again', async () => {
    const agent = agentWith({ maxConnections: 1 })
    const [address] = await agent.listen('tcp://127.0.0.1:0')
    const first = await peer(address!)
    first.socket.write(hello())
    await first.frames(1)
    await (
      await peer(address!)
    ).closed
    expect(agent.counters.connectionsRefused).toBe(1)
    first.socket.destroy()
    await until(() => agent.counters.connections === 0)
    const next = await peer(address!)
    next.socket.write(hello())
    await next.frames(1)
  })

  test('that does not read its answers is not read from any more, and goes on where it stopped', async () => {
    const bulk = message({ args: {}, handle: (_, reply) => reply.setVar('txn', 'v', 'x'.repeat(16_000)) })
    const agent = agentWith({ messages: { bulk } })
    const [address] = await agent.listen('tcp://127.0.0.1:0')
    const one = await peer(address!)
    one.socket.write(hello())
    await one.frames(1)
    one.socket.pause()
    const request = notify([messageBytes('bulk')])
    const total = 4000
    // Spread over many reads: what one read has asked for is answered whatever it takes.
    for (let i = 0; i < total; i += 50) {
      one.socket.write(Buffer.concat(Array.from({ length: 50 }, () => request)))
      await sleep(1)
    }
    // Halted is what does not move for many turns, however slow the machine is.
    let halted = -1
    for (let still = 0; still < 20; still = agent.counters.notifies === halted ? still + 1 : 0) {
      halted = agent.counters.notifies
      await sleep(10)
    }
    expect(halted).toBeLessThan(total)
    one.socket.resume()
    await until(() => agent.counters.acks === total)
  })

  test('gets its last ACKs and AGENT-DISCONNECT whole when it breaks the protocol', async () => {
    const [address] = await agentWith().listen('tcp://127.0.0.1:0')
    const one = await peer(address!)
    // Bytes behind the error must not turn the close into a reset that overtakes the answer.
    one.socket.write(Buffer.concat([hello(), echo(1), golden('ack empty'), Buffer.alloc(200_000)]))
    await one.closed
    expect((await one.frames(3)).map((frame) => frame.type)).toEqual([101, 103, 102])
  })
})
