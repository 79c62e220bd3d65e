import { describe, expect, test } from 'vitest'
import { agentWith, echo, slow } from './support/agents.ts'
import { peer, until } from './support/peer.ts'
import { golden } from './support/vectors.ts'
import { actions, hello, keyValues } from './support/wire.ts'

describe('drain', () => {
  test('fails health checks at once, answers requests during the grace, and closes with AGENT-DISCONNECT 0', async () => {
    const agent = agentWith()
    const [address] = await agent.listen('tcp://127.0.0.1:0')
    const one = await peer(address!)
    one.socket.write(hello())
    await one.frames(1)
    const drained = agent.drain({ graceMs: 150 })
    expect(agent.drain()).toBe(drained)
    const check = await peer(address!)
    check.socket.write(golden('haproxy-hello health check'))
    expect((await check.frames(1))[0]!.type).toBe(102)
    one.socket.write(echo(1))
    await one.frames(2)
    const late = await peer(address!)
    late.socket.write(Buffer.concat([hello(), echo(2)]))
    await late.frames(2)
    await drained
    expect((await one.frames(3)).map((frame) => frame.type)).toEqual([101, 103, 102])
    expect(keyValues((await late.frames(3))[2]!.payload)).toEqual({ 'status-code': 0n, message: 'normal' })
    await expect(peer(address!)).rejects.toThrow()
    expect(agent.counters).toMatchObject({ connections: 0, healthChecks: 1 })
  })

  test('answers what is in flight first', async () => {
    const agent = agentWith({ deadlineMs: 1000 })
    const [address] = await agent.listen('tcp://127.0.0.1:0')
    const one = await peer(address!)
    one.socket.write(Buffer.concat([hello(), slow(60)]))
    await until(() => agent.counters.inFlight === 1)
    await agent.drain()
    const sent = await one.frames(3)
    expect(actions(sent[1]!.payload)).toEqual([['set txn.slow', true]])
    expect(sent.map((frame) => frame.type)).toEqual([101, 103, 102])
  })

  test('does not wait beyond its timeout, nor for the hold of a refused HELLO', async () => {
    const agent = agentWith({ deadlineMs: 600_000, refusalDelayMs: 600_000 })
    const [address] = await agent.listen('tcp://127.0.0.1:0')
    const stuck = await peer(address!)
    stuck.socket.write(Buffer.concat([hello(), slow(600_000)]))
    const refused = await peer(address!)
    refused.socket.write(hello({ 'supported-versions': undefined }))
    await until(() => agent.counters.inFlight === 1 && agent.counters.protocolErrors === 1)
    // It resolves at all: handler and hold would take longer than a test may.
    await agent.drain({ timeoutMs: 100 })
    await stuck.closed
    expect((await refused.frames(1))[0]!.type).toBe(102)
  })

  test('close() cuts a drain short', async () => {
    const agent = agentWith()
    const [address] = await agent.listen('tcp://127.0.0.1:0')
    const one = await peer(address!)
    const drained = agent.drain({ graceMs: 60_000 })
    await agent.close()
    await drained
    await one.closed
    await agent.close()
  })
})
