import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { describe, expect, test } from 'vitest'
import { createAgent, message } from 'node-spoe'
import { connect } from 'node-spoe/client'
import { frame, frames, hello, keyValues, messageBytes, notify, typed } from '../support/wire.ts'
import { ack, agentDisconnect, agentHello, answering, failure, fakeAgent } from './fake-agent.ts'

const echo = createAgentOptions()
/** For what must come, however busy the machine is. */
const patient = { timeoutMs: 60_000, helloTimeoutMs: 60_000, connectTimeoutMs: 60_000 }

function createAgentOptions(): Parameters<typeof createAgent>[0] {
  return {
    deadlineMs: 60_000,
    messages: {
      check: message({
        args: { text: 'string', ip: 'ip', n: 'int', flag: 'bool', raw: 'bytes', none: 'any' },
        handle(view, reply) {
          reply.setVar('txn', 'text', Buffer.from(view.get('text') ?? '', 'latin1').toString())
          reply.setVar('txn', 'ip', { ip: view.get('ip') ?? '0.0.0.0' })
          reply.setVar('sess', 'n', view.get('n') ?? 0)
          reply.setVar('txn', 'flag', view.get('flag') ?? false)
          reply.setVar('txn', 'raw', view.get('raw') ?? Buffer.alloc(0))
          reply.setVar('txn', 'none', view.get('none') === null)
          reply.unsetVar('txn', 'gone')
        },
      }),
    },
  }
}

describe('with an agent of this library', () => {
  test.each(['tcp://127.0.0.1:0', 'tcp://[::1]:0', 'unix'])('values go there and back over %s', async (where) => {
    const folder = await mkdtemp(join(tmpdir(), 'spoe-'))
    const agent = createAgent(echo)
    try {
      const [address] = await agent.listen(where === 'unix' ? `unix://${folder}/s` : where)
      await using client = await connect(address!, patient)
      expect(client.hello).toEqual({ version: '2.0', maxFrameSize: 16380, capabilities: ['pipelining'] })
      const raw = Buffer.of(0, 255)
      const args = { text: 'grün', ip: { ip: '2001:db8::1' }, n: -(2n ** 63n), flag: true, raw, none: null }
      const answer = await client.notify({ check: args })
      expect(answer.variables).toEqual({
        'txn.text': 'grün',
        'txn.ip': '2001:db8::1',
        'sess.n': -(2n ** 63n),
        'txn.flag': true,
        'txn.raw': raw,
        'txn.none': true,
      })
      expect(answer.actions.at(-1)).toEqual({ action: 'unset-var', scope: 'txn', name: 'gone' })
      expect(answer.aborted).toBe(false)
    } finally {
      await agent.close()
      await rm(folder, { recursive: true })
    }
  })

  test('any number may be asked at once: 20 are in flight, the others wait', async () => {
    const agent = createAgent(echo)
    const [address] = await agent.listen('tcp://127.0.0.1:0')
    const client = await connect(address!, patient)
    const waiting = Array.from({ length: 500 }, (_, n) => client.notify({ check: { n } }))
    expect(client.inFlight).toBe(20)
    const answers = await Promise.all(waiting)
    expect(answers.map((answer) => answer.variables['sess.n'])).toEqual(waiting.map((_, n) => n))
    await client.close()
    expect(client.inFlight).toBe(0)
    await agent.close()
  })

  test('raw bytes are sent as they are', async () => {
    const agent = createAgent(echo)
    const [address] = await agent.listen('tcp://127.0.0.1:0')
    const client = await connect(address!, patient)
    const pending = client.notify({ check: {} })
    client.send(frame(0, Buffer.of(1)))
    expect(await pending).toMatchObject({ aborted: false })
    await client.closed
    const error = await failure(client.notify({ check: {} }))
    expect(error).toMatchObject({ code: 'ERR_SPOP_AGENT_DISCONNECT' })
    expect(agent.counters.protocolErrors).toBe(1)
    await agent.close()
  })

  test('a drained agent says goodbye with status 0', async () => {
    const agent = createAgent(echo)
    const [address] = await agent.listen('tcp://127.0.0.1:0')
    const client = await connect(address!, patient)
    await agent.drain()
    await client.closed
    expect(await failure(client.notify({}))).toMatchObject({ code: 'ERR_SPOP_AGENT_DISCONNECT', status: 0 })
    await agent.close()
  })
})

describe('on the wire', () => {
  test('all NOTIFYs of one turn are one write, and what another implementation expects', async () => {
    await using agent = await fakeAgent(answering((got, peer) => peer.send(ack(got.streamId, got.frameId))))
    const client = await connect(agent.address, { ...patient, engineId: 'test' })
    await Promise.all([client.notify({ m: { a: 1 } }), client.notify({ m: {} }, { streamId: 0, frameId: 7 })])
    await client.close()
    const bytes = [hello(), notify([messageBytes('m', { a: typed.int64(1) })]), notify([messageBytes('m')], 0, 7)]
    expect(agent.received.slice(0, 3)).toEqual(frames(Buffer.concat(bytes)))
    const last = agent.received.at(-1)!
    expect([agent.received.length, last.type, keyValues(last.payload)]).toEqual([
      4,
      2,
      { 'status-code': 0n, message: 'normal' },
    ])
  })

  test('an agent without pipelining gets one NOTIFY at a time', async () => {
    let inFlight = 0
    let most = 0
    const hello1 = agentHello({ capabilities: typed.string('') })
    await using agent = await fakeAgent(
      answering((got, peer) => {
        most = Math.max(most, ++inFlight)
        setImmediate(() => {
          inFlight--
          peer.send(ack(got.streamId, got.frameId))
        })
      }, hello1),
    )
    const client = await connect(agent.address, patient)
    await Promise.all(Array.from({ length: 10 }, () => client.notify({ m: {} })))
    expect(most).toBe(1)
    await client.close()
  })
})

describe('an agent that', () => {
  test('refuses by AGENT-DISCONNECT fails connect() with its status', async () => {
    await using agent = await fakeAgent((_, peer) => void peer.socket.end(agentDisconnect(13, 'full')))
    expect(await failure(connect(agent.address))).toMatchObject({ code: 'ERR_SPOP_AGENT_DISCONNECT', status: 13 })
  })

  test('never says AGENT-HELLO fails connect() after helloTimeoutMs', async () => {
    await using agent = await fakeAgent(() => {})
    const error = await failure(connect(agent.address, { helloTimeoutMs: 20 }))
    expect(error).toMatchObject({ code: 'ERR_SPOP_AGENT_HELLO_TIMEOUT', status: 2 })
  })

  test('closes instead of AGENT-HELLO fails connect()', async () => {
    await using agent = await fakeAgent((_, peer) => void peer.socket.destroy())
    expect(await failure(connect(agent.address))).toMatchObject({ code: 'ERR_SPOP_CONNECTION_LOST', status: 1 })
  })

  test('is not there fails connect() with the error of the system', async () => {
    const agent = await fakeAgent(() => {})
    await agent[Symbol.asyncDispose]()
    expect(await failure(connect(agent.address))).toMatchObject({ code: 'ECONNREFUSED' })
    expect(await failure(connect('http://localhost'))).toMatchObject({ code: 'ERR_SPOP_ADDRESS' })
    expect(await failure(connect('systemd:x'))).toMatchObject({ code: 'ERR_SPOP_ADDRESS' })
  })

  test('never answers lets each NOTIFY time out, those that wait too, and gets the next ones', async () => {
    await using agent = await fakeAgent(answering(() => {}))
    const client = await connect(agent.address, { window: 2, timeoutMs: 20, closeTimeoutMs: 20 })
    const errors = await Promise.all(Array.from({ length: 4 }, () => failure(client.notify({ m: {} }))))
    expect(errors).toEqual(errors.map(() => expect.objectContaining({ code: 'ERR_SPOP_ACK_TIMEOUT' })))
    expect(client.inFlight).toBe(0)
    const sent = client.notify({ m: {} })
    expect(client.inFlight).toBe(1)
    await failure(sent)
    await client.close()
  })

  test('answers late is counted and reported', async () => {
    await using agent = await fakeAgent(
      answering((got, peer) => {
        if (got.streamId === 3n) peer.send(ack(1, 1), ack(3, 1), ack(3, 1))
      }),
    )
    const errors: string[] = []
    const client = await connect(agent.address, {
      ...patient,
      onError: (error) => {
        errors.push(error.code)
        throw new Error('of the reporter')
      },
    })
    await failure(client.notify({ m: {} }, { timeoutMs: 1 }))
    await client.notify({ m: {} })
    await client.close()
    expect(client.counters).toMatchObject({ lateAcks: 1, duplicateAcks: 1, unknownAcks: 0 })
    expect(errors).toEqual(['ERR_SPOP_ACK_UNEXPECTED', 'ERR_SPOP_ACK_UNEXPECTED'])
  })

  test('answers what was not asked loses the connection, as with HAProxy 3.1+', async () => {
    await using agent = await fakeAgent(answering((_, peer) => peer.send(ack(999, 1))))
    const client = await connect(agent.address, patient)
    const error = await failure(client.notify({ m: {} }))
    expect(error).toMatchObject({ code: 'ERR_SPOP_ACK_UNEXPECTED', status: 12 })
    await client.closed
  })

  test.each([
    ['disconnects', agentDisconnect(99), { code: 'ERR_SPOP_AGENT_DISCONNECT', status: 99 }],
    ['disconnects with a status of its own', agentDisconnect(300), { code: 'ERR_SPOP_AGENT_DISCONNECT', status: 300 }],
    ['disconnects without a status', frame(102, Buffer.alloc(0)), { code: 'ERR_SPOP_AGENT_DISCONNECT', status: 99 }],
    ['just closes', Buffer.alloc(0), { code: 'ERR_SPOP_CONNECTION_LOST', status: 1 }],
    ['sends a huge frame', Buffer.from('7fffffff67', 'hex'), { code: 'ERR_SPOP_FRAME_TOO_BIG', status: 3 }],
  ])('%s fails everything in flight and waiting', async (_, bytes, error) => {
    await using agent = await fakeAgent(answering((__, peer) => void peer.socket.end(bytes)))
    const client = await connect(agent.address, { ...patient, window: 2 })
    const errors = await Promise.all(Array.from({ length: 5 }, () => failure(client.notify({ m: {} }))))
    expect(errors).toEqual(errors.map(() => expect.objectContaining(error)))
    expect(await failure(client.notify({ m: {} }))).toMatchObject(error)
    await client.close()
  })

  test('does not take part in the goodbye is left after closeTimeoutMs', async () => {
    await using agent = await fakeAgent((got, peer) => {
      if (got.type === 1) peer.send(agentHello())
    })
    const client = await connect(agent.address, { ...patient, closeTimeoutMs: 20 })
    const pending = failure(client.notify({ m: {} }))
    await client.close()
    expect(await pending).toMatchObject({ code: 'ERR_SPOP_CLIENT_CLOSED' })
  })

  test('does not read is left as well', async () => {
    await using agent = await fakeAgent((got, peer) => {
      if (got.type === 1) peer.send(agentHello())
      peer.socket.pause()
    })
    const client = await connect(agent.address, { ...patient, closeTimeoutMs: 20 })
    client.send(Buffer.alloc(32 * 1024 * 1024))
    await client.close()
  })
})

test('the queue is bounded', async () => {
  await using agent = await fakeAgent(answering(() => {}))
  const client = await connect(agent.address, { window: 1, maxQueued: 2, timeoutMs: 60_000, closeTimeoutMs: 20 })
  const waiting = [1, 2, 3].map(() => failure(client.notify({ m: {} })))
  expect(await failure(client.notify({ m: {} }))).toMatchObject({ code: 'ERR_SPOP_QUEUE_FULL' })
  await client.close()
  expect(await Promise.all(waiting)).toEqual(
    waiting.map(() => expect.objectContaining({ code: 'ERR_SPOP_CLIENT_CLOSED' })),
  )
})

test('what cannot be encoded fails its own promise only', async () => {
  await using agent = await fakeAgent(answering((got, peer) => peer.send(ack(got.streamId, got.frameId))))
  const client = await connect(agent.address, patient)
  const [bad, big, good] = await Promise.all([
    failure(client.notify({ m: { a: 0.5 } })),
    failure(client.notify({ m: { a: 'x'.repeat(17_000) } })),
    client.notify({ m: {} }),
  ])
  expect(bad).toMatchObject({ code: 'ERR_SPOP_ENCODE' })
  expect(big).toMatchObject({ code: 'ERR_SPOP_FRAME_TOO_BIG', status: 3 })
  expect(good.actions).toEqual([])
  await client.close()
})

test('options are checked', async () => {
  for (const options of [{ window: 0 }, { timeoutMs: Number.NaN }, { maxFrameSize: 255 }, { typo: 1 }]) {
    expect(await failure(connect('tcp://127.0.0.1:1', options))).toMatchObject({ code: 'ERR_SPOP_OPTION' })
  }
})

test('an answer that lay in the kernel while this process stood still is no timeout', async () => {
  const agent = new Worker(
    `const { createServer } = require('node:net')
    const { parentPort, workerData } = require('node:worker_threads')
    createServer((socket) => {
      let greeted = false
      socket.on('data', () => {
        socket.write(greeted ? workerData.ack : workerData.hello)
        greeted = true
      })
    }).listen(0, '127.0.0.1', function () { parentPort.postMessage(this.address().port) })`,
    { eval: true, workerData: { hello: agentHello(), ack: ack(1, 1) } },
  )
  const [port] = (await once(agent, 'message')) as [number]
  const client = await connect(`tcp://127.0.0.1:${port}`, { ...patient, closeTimeoutMs: 20 })
  const pending = client.notify({ m: {} }, { timeoutMs: 300 })
  await new Promise((resolve) => setImmediate(resolve))
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 600)
  expect(await pending).toMatchObject({ aborted: false })
  await client.close()
  await agent.terminate()
})
