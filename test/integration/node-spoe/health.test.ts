import { describe, expect, it, onTestFinished } from 'vitest'
import { waitUntil } from '../../../agent/dev/process.ts'
import { message, type MessageHandler } from '../../../node-spoe/src/index.ts'
import { HAPROXY_VERSIONS, inParallel } from '../../support/edge.ts'
import { type SpoeResponse, startAgent, startPair, startSpoe, type TestAgent } from '../../support/spoe.ts'
import { expose } from '../../support/spoe-config.ts'

const MESSAGE = 'spoe-message m\nevent on-frontend-http-request'
/** Says who answers, after `gate` if there is one. */
const says = (name: string, gate?: Promise<void>): Record<string, MessageHandler<Record<never, never>>> => ({
  m: message({
    args: {},
    async handle(_view, reply) {
      await gate
      reply.setVar('txn', 'who', name)
    },
  }),
})
const CHECK = 'inter 100ms fall 2 rise 1'

describe.each(HAPROXY_VERSIONS)('health checks of HAProxy %s', (version) => {
  it('fail as soon as an agent drains, which goes on answering for its grace, and pass for its successor', async () => {
    const gate = Promise.withResolvers<void>()
    const staying = await startAgent({ messages: says('staying', gate.promise) })
    onTestFinished(() => staying.agent.close())
    const leaving = await startAgent({ messages: says('leaving', gate.promise) })
    onTestFinished(() => leaving.agent.close())
    const spoe = await startSpoe({
      version,
      agents: [...staying.addresses, ...leaving.addresses],
      messages: MESSAGE,
      check: CHECK,
      backend: 'balance roundrobin',
      web: expose('txn.demo.who', 'txn.demo.error'),
    })
    onTestFinished(() => spoe.stop())
    await waitUntil('both to be checked', async () => leaving.agent.counters.healthChecks > 1)
    expect(await spoe.serversUp()).toBe(2)

    const held: Promise<SpoeResponse>[] = []
    await waitUntil('both to be asked', async () => {
      held.push(spoe.get('/'))
      return staying.agent.counters.inFlight > 0 && leaving.agent.counters.inFlight > 0
    })
    gate.resolve()

    let left = false
    const answers = await Promise.all(held)
    const load = inParallel(8, 8, async () => {
      while (!left) answers.push(await spoe.get('/'))
    })
    const drained = leaving.agent.drain({ graceMs: 1500 })
    await waitUntil('HAProxy to notice', async () => (await spoe.serversUp()) === 1)
    // Up to 3.0 an open connection is used whatever the checks say, and could be when it closes.
    left = true
    await load
    await drained
    expect(new Set(answers.map(({ headers }) => headers['x-txn-demo-who']))).toEqual(new Set(['staying', 'leaving']))
    expect(leaving.agent.counters).toMatchObject({ connections: 0, acksDropped: 0, protocolErrors: 0 })
    expect([...staying.errors, ...leaving.errors]).toEqual([])

    const back = await startAgent({ messages: says('back') }, leaving.addresses)
    onTestFinished(() => back.agent.close())
    await waitUntil('HAProxy to come back', async () => (await spoe.serversUp()) === 2)
    await staying.agent.drain({ graceMs: 500 })
    expect((await spoe.get('/')).headers['x-txn-demo-who']).toBe('back')
  })

  it('are answered, counted, and open no engine', async () => {
    const pair = await startPair({ version, agent: { messages: says('agent') }, messages: MESSAGE, check: CHECK })
    onTestFinished(() => pair.stop())
    await waitUntil('some checks', async () => pair.agent.counters.healthChecks >= 5)
    expect(await pair.serversUp()).toBe(1)
    expect(pair.agent.counters).toMatchObject({ notifies: 0, protocolErrors: 0 })
    await waitUntil('their connections to close', async () => pair.agent.counters.connections <= 1)
    expect(pair.errors).toEqual([])
  })
})

describe.each(HAPROXY_VERSIONS)('connections that HAProxy %s no longer needs', (version) => {
  it('are closed by it after the idle timeout without an error, and the next request opens another', async () => {
    const pair = await startPair({
      version,
      agent: { messages: says('agent') },
      messages: MESSAGE,
      // Up to 3.0 the first one counts, since then the pool of idle connections.
      options: 'timeout idle 300ms',
      backend: 'default-server pool-purge-delay 200ms',
      web: expose('txn.demo.who'),
    })
    onTestFinished(() => pair.stop())
    for (let i = 1; i <= 2; i++) {
      expect((await pair.get('/')).headers['x-txn-demo-who']).toBe('agent')
      await waitUntil('HAProxy to close it', async () => pair.agent.counters.connections === 0)
      expect(pair.agent.counters.connectionsTotal).toBeGreaterThanOrEqual(i)
    }
    expect(pair.agent.counters).toMatchObject({ protocolErrors: 0, acks: 2 })
    expect(pair.errors).toEqual([])
    expect(pair.events().filter(({ status }) => status !== 0)).toEqual([])
  })

  it('are closed when it stops, and a new one is served by the same agent', async () => {
    const peer: TestAgent = await startAgent({ messages: says('agent') })
    onTestFinished(() => peer.agent.close())
    const options = { version, agents: peer.addresses, messages: MESSAGE, web: expose('txn.demo.who') }
    for (let i = 0; i < 2; i++) {
      const spoe = await startSpoe(options)
      expect((await spoe.get('/')).headers['x-txn-demo-who']).toBe('agent')
      await spoe.stop()
      await waitUntil('its connections to close', async () => peer.agent.counters.connections === 0)
    }
    expect(peer.errors).toEqual([])
  })
})
