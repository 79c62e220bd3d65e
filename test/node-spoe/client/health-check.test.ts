import { describe, expect, test } from 'vitest'
import { createAgent } from 'node-spoe'
import { healthCheck } from 'node-spoe/client'
import { encodeFrame } from 'node-spoe/protocol'
import { golden } from '../support/vectors.ts'
import { frame, typed } from '../support/wire.ts'
import { agentDisconnect, agentHello, failure, fakeAgent } from './fake-agent.ts'

test('an agent of this library is up, and down while it drains', async () => {
  const agent = createAgent({ messages: {} })
  const [address] = await agent.listen('tcp://127.0.0.1:0')
  expect(await healthCheck(address!)).toEqual({
    ok: true,
    latencyMs: expect.any(Number),
    hello: { version: '2.0', maxFrameSize: 16380, capabilities: ['pipelining'] },
  })
  const drained = agent.drain({ graceMs: 60_000 })
  expect(await healthCheck(address!)).toMatchObject({
    ok: false,
    status: 0,
    error: { code: 'ERR_SPOP_AGENT_DISCONNECT' },
  })
  await agent.close()
  await drained
  expect(await healthCheck(address!)).toMatchObject({ ok: false, error: { code: 'ECONNREFUSED' } })
})

test('the frame is byte for byte that of option spop-check, nothing follows it', async () => {
  const types: number[] = []
  await using agent = await fakeAgent((got, peer) => {
    types.push(got.type)
    const { streamId, frameId, flags, payload } = got
    expect(frame(got.type, payload, Buffer.of(Number(streamId), Number(frameId)), flags)).toEqual(
      golden('haproxy-hello health check'),
    )
    peer.send(agentHello({ capabilities: typed.string('') }))
  })
  expect(await healthCheck(agent.address)).toMatchObject({ ok: true, hello: { capabilities: [] } })
  expect(types).toEqual([1])
})

describe('an agent that', () => {
  test.each([
    ['disconnects', agentDisconnect(13), { status: 13, error: { code: 'ERR_SPOP_AGENT_DISCONNECT' } }],
    ['has no capabilities', agentHello({ capabilities: undefined }), { status: 7 }],
    ['speaks version 1.0', agentHello({ version: typed.string('1.0') }), { status: 8 }],
    ['names no version', agentHello({ version: undefined }), { status: 5 }],
    ['sends a frame of length 0', Buffer.alloc(4), { status: 4 }],
    ['sends flags without FIN', encodeFrame({ type: 'AGENT-HELLO', flags: { fin: false }, kv: [] }), { status: 10 }],
    ['speaks another protocol', Buffer.from('220 mail.example ESMTP\r\n'), { status: 3 }],
  ])('%s is down', async (_, bytes, result) => {
    await using agent = await fakeAgent((__, peer) => peer.send(bytes))
    expect(await healthCheck(agent.address)).toMatchObject({ ok: false, ...result })
  })

  test('says nothing is down after timeoutMs', async () => {
    await using agent = await fakeAgent(() => {})
    expect(await healthCheck(agent.address, { timeoutMs: 20 })).toMatchObject({
      ok: false,
      status: 2,
      error: { code: 'ERR_SPOP_AGENT_HELLO_TIMEOUT' },
    })
  })

  test('closes is down', async () => {
    await using agent = await fakeAgent((_, peer) => void peer.socket.destroy())
    expect(await healthCheck(agent.address)).toMatchObject({ ok: false, status: 1 })
  })
})

test('a mistake of the caller is an error, not a down', async () => {
  expect(await failure(healthCheck('localhost:9000'))).toMatchObject({ code: 'ERR_SPOP_ADDRESS' })
  expect(await failure(healthCheck('tcp://127.0.0.1:1', { timeoutMs: 0 }))).toMatchObject({ code: 'ERR_SPOP_OPTION' })
})
