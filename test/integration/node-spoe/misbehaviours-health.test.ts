import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Cleanup } from '../../../agent/dev/cleanup.ts'
import { waitUntil } from '../../../agent/dev/process.ts'
import { frame, typed } from '../../node-spoe/support/wire.ts'
import { HAPROXY_VERSIONS, type HaproxyVersion } from '../../support/edge.ts'
import { agentDisconnect, agentHello, type FakeAgent, startFakeAgent, type Step } from '../../support/fake-agent.ts'
import { type Engine, type Spoe, startAgent, startSpoe } from '../../support/spoe.ts'

interface Row {
  readonly agent: string
  readonly hello: readonly Step[]
  /** What HAProxy 2.6 and 3.0 give as the reason for holding the server for down, or that it is up. */
  readonly applet: string
  /** The same of 3.1 and later. */
  readonly mux: string
}

// The first four are the agents of HAProxy's reg-tests/checks/spop-check.vtc.
const ROWS: readonly Row[] = [
  { agent: 'says a good HELLO', hello: [agentHello()], applet: 'up', mux: 'up' },
  {
    agent: 'gives its HELLO the length 0',
    hello: [Buffer.concat([Buffer.alloc(4), agentHello().subarray(4)])],
    applet: 'invalid frame received',
    // 3.2.26 takes what follows for a HELLO, whatever its length says.
    mux: 'up',
  },
  {
    agent: 'sends a HELLO without FIN',
    hello: [Buffer.concat([agentHello().subarray(0, 5), Buffer.alloc(4), agentHello().subarray(9)])],
    applet: 'fragmentation not supported',
    mux: 'invalid frame received',
  },
  {
    agent: 'says version 1.0',
    hello: [agentHello({ version: typed.string('1.0') })],
    applet: 'unsupported version',
    mux: 'unsupported version',
  },
  {
    agent: 'has no capabilities',
    hello: [agentHello({ capabilities: typed.string('') })],
    applet: 'up',
    mux: 'up',
  },
  {
    agent: 'leaves out the capabilities',
    hello: [agentHello({ capabilities: undefined })],
    applet: 'up',
    mux: 'capabilities value not found',
  },
  {
    // So does node-spoe while it drains.
    agent: 'says AGENT-DISCONNECT',
    hello: [agentDisconnect(0)],
    applet: 'normal',
    mux: 'version value not found',
  },
  {
    agent: 'sends an ACK',
    hello: [frame(103, Buffer.alloc(0))],
    applet: 'invalid frame received',
    mux: 'invalid frame received',
  },
]

const CHECK = 'inter 200ms fall 1 rise 1'
const MESSAGES = 'spoe-message m\nargs path=path\nevent on-frontend-http-request'

describe.each(HAPROXY_VERSIONS)('a health check of HAProxy %s', (version: HaproxyVersion) => {
  const cleanup = new Cleanup()
  const agents: FakeAgent[] = []
  let spoe: Spoe

  beforeAll(async () => {
    const engines: Engine[] = []
    for (const [i, { hello }] of ROWS.entries()) {
      const agent = await startFakeAgent({ hello, notify: () => [] })
      cleanup.add(() => agent.stop())
      agents.push(agent)
      engines.push({ name: `r${i}`, agents: [agent.address], messages: MESSAGES, filter: false, check: CHECK })
    }
    const ours = await startAgent({ messages: {} })
    cleanup.add(() => ours.agent.close())
    engines.push({ name: 'ours', agents: ours.addresses, messages: MESSAGES, filter: false, check: CHECK })
    spoe = await startSpoe({ version, ...engines[0]!, engines: engines.slice(1) })
    cleanup.add(() => spoe.stop())
    // Servers start as up; the second check begins when the first has been judged.
    await waitUntil('two checks of each agent', async () => agents.every(({ connections }) => connections > 1))
    await waitUntil('two checks of node-spoe', async () => ours.agent.counters.healthChecks > 1)
  })
  afterAll(() => cleanup.run())

  it.each(ROWS.map((row, i) => [row.agent, row, i] as const))('judges an agent that %s', async (_, row, i) => {
    const expected = version === '3.2' ? row.mux : row.applet
    expect(await spoe.serversUp(`r${i}`)).toBe(expected === 'up' ? 1 : 0)
    if (expected !== 'up') expect(reasonOfDown(`r${i}`)).toContain(expected)
  })

  it('finds node-spoe in good health', async () => {
    expect(await spoe.serversUp('ours')).toBe(1)
    expect(reasonOfDown('ours')).toBeUndefined()
  })

  function reasonOfDown(engine: string): string | undefined {
    const log = readFileSync(spoe.haproxy.logFile, 'latin1')
    return new RegExp(`Server ${engine}-agents/a1 is DOWN, (reason: .*?), check duration`).exec(log)?.[1]
  }
})
