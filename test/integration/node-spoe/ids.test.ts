import { connect, createServer, type Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { message } from '../../../node-spoe/src/index.ts'
import { frames } from '../../node-spoe/support/wire.ts'
import { HAPROXY_VERSIONS } from '../../support/edge.ts'
import { type Spoe, startAgent, startSpoe, type TestAgent } from '../../support/spoe.ts'
import { expose } from '../../support/spoe-config.ts'

const NOTIFY = 3
const ACK = 103

/** Stands between HAProxy and an agent and keeps the bytes of both directions, one entry for each connection. */
interface Recorder {
  readonly address: string
  readonly fromHaproxy: Buffer[][]
  readonly fromAgent: Buffer[][]
  close(): void
}

async function record(target: string): Promise<Recorder> {
  const fromHaproxy: Buffer[][] = []
  const fromAgent: Buffer[][] = []
  const sockets: Socket[] = []
  const server = createServer((haproxy) => {
    const agent = connect(Number(new URL(target).port), '127.0.0.1')
    sockets.push(haproxy, agent)
    for (const [from, to, log] of [
      [haproxy, agent, fromHaproxy],
      [agent, haproxy, fromAgent],
    ] as const) {
      const chunks: Buffer[] = []
      log.push(chunks)
      from.on('data', (chunk: Buffer) => chunks.push(chunk))
      from.on('error', () => {})
      from.pipe(to)
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  return {
    address: `tcp://127.0.0.1:${port}`,
    fromHaproxy,
    fromAgent,
    close() {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}

const byNumber = (a: string, b: string): number => a.localeCompare(b, 'en', { numeric: true })

describe.each(HAPROXY_VERSIONS)('stream-ids and frame-ids of HAProxy %s', (version) => {
  let spoe: Spoe
  let peer: TestAgent
  let recorder: Recorder
  beforeAll(async () => {
    const handler = message({ args: {}, handle: (view, reply) => reply.setVar('txn', view.name, true) })
    peer = await startAgent({ messages: { request: handler, response: handler } })
    recorder = await record(peer.addresses[0] ?? '')
    spoe = await startSpoe({
      version,
      agents: [recorder.address],
      messages: 'spoe-message request\nevent on-frontend-http-request\nspoe-message response\nevent on-http-response',
      web: expose('txn.demo.request', 'txn.demo.response'),
    })
    for (let i = 0; i < 3; i++) {
      expect((await spoe.get('/')).headers).toMatchObject({ 'x-txn-demo-request': '1', 'x-txn-demo-response': '1' })
    }
  })
  afterAll(async () => {
    await spoe?.stop()
    recorder?.close()
    await peer?.agent.close()
  })

  const idsOf = (chunks: Buffer[], type: number): string[] =>
    frames(Buffer.concat(chunks))
      .filter((frame) => frame.type === type)
      .map(({ streamId, frameId }) => `${streamId}.${frameId}`)

  it('come back on the same connection, each exactly once', () => {
    expect(recorder.fromHaproxy.flatMap((chunks) => idsOf(chunks, NOTIFY))).toHaveLength(6)
    expect(recorder.fromAgent.map((chunks) => idsOf(chunks, ACK).toSorted())).toEqual(
      recorder.fromHaproxy.map((chunks) => idsOf(chunks, NOTIFY).toSorted()),
    )
  })

  if (version === '3.2') {
    it('are 1, 3, 5 and so on for each connection, and every frame-id is 1', () => {
      for (const chunks of recorder.fromHaproxy) {
        const ids = idsOf(chunks, NOTIFY)
        expect(ids).toEqual(ids.map((_, i) => `${2 * i + 1}.1`))
      }
    })
  } else {
    it('begin at stream 0, and the events of one request are frames 1 and 2 of its stream', () => {
      const ids = recorder.fromHaproxy.flatMap((chunks) => idsOf(chunks, NOTIFY)).toSorted(byNumber)
      const streams = [...new Set(ids.map((id) => id.split('.')[0]))]
      expect(streams[0]).toBe('0')
      expect(ids).toEqual(streams.flatMap((stream) => [`${stream}.1`, `${stream}.2`]))
    })
  }
})
