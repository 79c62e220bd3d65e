import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { expect, onTestFinished, test } from 'vitest'
import { agentWith, echo } from './support/agents.ts'
import { peer, until } from './support/peer.ts'
import { hello, notify } from './support/wire.ts'

/** What is published on a channel until the test has ended. */
function published(channel: string): Record<string, unknown>[] {
  const list: Record<string, unknown>[] = []
  const listener = (message: unknown): void => void list.push(message as Record<string, unknown>)
  subscribe(channel, listener)
  onTestFinished(() => void unsubscribe(channel, listener))
  return list
}

test('the life of a connection and every answer are published', async () => {
  const [opened, hellos, answers, closed, phases] = [
    published('node-spoe:connection:open'),
    published('node-spoe:connection:hello'),
    published('node-spoe:answer'),
    published('node-spoe:connection:close'),
    published('node-spoe:drain'),
  ]
  const agent = agentWith()
  const [address] = await agent.listen('tcp://127.0.0.1:0')
  const one = await peer(address!)
  const remotePort = one.socket.localPort
  one.socket.write(Buffer.concat([hello(), echo(7), notify([], 2)]))
  await one.frames(3)
  await agent.drain()

  const connection = opened[0]!['connection']
  expect(opened).toEqual([{ connection: expect.any(Number), remoteAddress: '127.0.0.1', remotePort }])
  expect(hellos).toEqual([
    { connection, engineId: 'test', capabilities: 'pipelining', maxFrameSize: 16_380, healthcheck: false },
  ])
  const common = { connection, cause: 'handlers', waitedMs: expect.any(Number) }
  expect(answers).toEqual([
    { ...common, message: 'echo', actionBytes: 7 },
    { ...common, message: '', actionBytes: 0 },
  ])
  expect(closed).toEqual([{ connection, bytesIn: agent.counters.bytesIn, bytesOut: agent.counters.bytesOut }])
  expect(phases.map(({ phase }) => phase)).toEqual(['grace', 'quiet', 'done'])
})

test('a refused connection is published with the reason', async () => {
  const refused = published('node-spoe:connection:refused')
  const agent = agentWith({ refusalDelayMs: 0 })
  const [address] = await agent.listen({ address: 'tcp://127.0.0.1:0', allow: ['192.0.2.1'] })
  await peer(address!)
  await until(() => agent.counters.peersRefused === 1)
  expect(refused).toEqual([{ reason: 'peer', remoteAddress: '127.0.0.1' }])
})
