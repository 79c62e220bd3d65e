import { describe, expect, it, onTestFinished } from 'vitest'
import { reservePort } from '../../../agent/dev/ports.ts'
import { waitUntil } from '../../../agent/dev/process.ts'
import { HAPROXY_VERSIONS } from '../../support/edge.ts'
import { ack, agentDisconnect, set, type Step } from '../../support/fake-agent.ts'
import {
  both,
  describeAgentsThat,
  type Expected,
  failed,
  fine,
  NEXT,
  once,
  type Outcome,
} from '../../support/misbehaviour.ts'
import { startSpoe } from '../../support/spoe.ts'

const ONE = fine({ a: '1' })

/** The request after the one that counts has a connection of its own. */
function closed(first: Outcome, disconnect?: number): Expected {
  return { outcomes: [first, NEXT], connections: 2, ...(disconnect !== undefined && { disconnect }) }
}

/**
 * An agent that does this instead of answering the first NOTIFY. Not at once: when that comes within microseconds of the
 * NOTIFY, 3.2.26 now and then forgets to wake the request, which then waits until `timeout processing` (st=1).
 */
const instead = (...steps: readonly Step[]): ReturnType<typeof once> => once(() => [20, ...steps])

describeAgentsThat(
  [
    {
      agent: 'sends AGENT-DISCONNECT 0 instead of an ACK',
      behaviour: instead(agentDisconnect(0), 'FIN'),
      applet: closed(failed(256)),
      mux: closed(failed(257)),
    },
    {
      agent: 'sends AGENT-DISCONNECT 13 instead of an ACK',
      behaviour: instead(agentDisconnect(13), 'FIN'),
      ...both(closed(failed(269))),
    },
    {
      agent: 'sends AGENT-DISCONNECT 300, which the protocol does not know, instead of an ACK',
      behaviour: instead(agentDisconnect(300), 'FIN'),
      ...both(closed(failed(556))),
    },
    { agent: 'resets the connection instead of an ACK', behaviour: instead('RST'), ...both(closed(failed(257))) },
    {
      agent: 'closes the connection instead of an ACK',
      behaviour: instead('FIN'),
      applet: closed(failed(257), 1),
      mux: closed(failed(257)),
    },
    {
      agent: 'closes the connection behind an ACK',
      behaviour: once((notify) => [ack(notify, [set('a', '1')]), 'FIN']),
      applet: closed(ONE, 1),
      mux: closed(ONE),
    },
    {
      agent: 'says AGENT-DISCONNECT 0 in the write of an ACK and closes',
      behaviour: once((notify) => [Buffer.concat([ack(notify, [set('a', '1')]), agentDisconnect(0)]), 'FIN']),
      ...both(closed(ONE)),
    },
  ],
  4,
)

describe.each(HAPROXY_VERSIONS)('HAProxy %s, when nobody listens at the address of an agent,', (version) => {
  const MESSAGES = 'spoe-message m\nargs path=path\nevent on-frontend-http-request'

  it.each([
    // HAProxy goes on trying, a second apart.
    { server: 'that is held for up', check: undefined, applet: 1, mux: 1 },
    { server: 'that is known to be down', check: 'inter 100ms fall 1', applet: 2, mux: 257 },
  ])('tells by the status a server $server', async ({ check, applet, mux }) => {
    const spoe = await startSpoe({
      version,
      agents: [`tcp://127.0.0.1:${await reservePort()}`],
      messages: MESSAGES,
      processingTimeout: '500ms',
      ...(check !== undefined && { check }),
    })
    onTestFinished(() => spoe.stop())
    if (check !== undefined) await waitUntil('the server to be down', async () => (await spoe.serversUp()) === 0)
    await spoe.get('/')
    const [event] = await spoe.untilEvents((events) => events.length > 0)
    expect(event?.status).toBe(version === '3.2' ? mux : applet)
  })
})
