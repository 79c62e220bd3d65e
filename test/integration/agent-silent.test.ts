import { afterEach, describe, expect, it } from 'vitest'
import { reasonOf } from '../../agent/dev/request.ts'
import {
  bearer,
  type Edge,
  HAPROXY_VERSIONS,
  inParallel,
  NO_TEMPORAL,
  startEdge,
  untilAgentAnswers,
} from '../support/edge.ts'

const PROTECTED = { method: 'GET', path: '/api/usage' }
const PUBLIC = { method: 'GET', path: '/public/hello' }
/** As short as a busy machine allows: who waits for an agent that is gone waits for this. */
const IMPATIENT = {
  SPOE_PROCESSING_TIMEOUT: '500ms',
  SPOP_DEADLINE: '400ms',
  SPOE_AGAIN_TIMEOUT: '250ms',
  SPOE_AGAIN_WITHIN_MS: '250',
}

describe.each(HAPROXY_VERSIONS)('when the agent falls silent behind HAProxy %s', (version) => {
  let edge: Edge
  afterEach(() => edge?.stop())

  /** What clients get from protected and public paths, by count. */
  async function statuses(token: string): Promise<{ protected: number[]; public: number[] }> {
    const closed = await inParallel(20, 5, () => edge.send({ ...PROTECTED, headers: bearer(token) }))
    const open = await inParallel(20, 5, () => edge.send(PUBLIC))
    for (const response of closed) expect(reasonOf(response)).toBe('agent_silent')
    const distinct = (list: { status: number }[]): number[] => [...new Set(list.map(({ status }) => status))]
    return { protected: distinct(closed), public: distinct(open) }
  }

  it('T9: closes protected routes and keeps public ones open after kill -9, and recovers by itself', async () => {
    edge = await startEdge(version, { temporalAddress: NO_TEMPORAL, worker: false, env: IMPATIENT })
    const token = await edge.identity.token('viewer')
    await untilAgentAnswers(edge)
    expect((await edge.send({ ...PROTECTED, headers: bearer(token) })).status).toBe(200)

    edge.agent.signal('SIGKILL')
    await edge.agent.exited
    expect(await statuses(token)).toEqual({ protected: [503], public: [200] })

    edge.startAgent()
    await untilAgentAnswers(edge)
    expect((await edge.send({ ...PROTECTED, headers: bearer(token) })).status).toBe(200)
  })

  it('does the same while the agent is stopped (SIGSTOP), and no refused request has an effect when it goes on', async () => {
    edge = await startEdge(version, {
      temporalAddress: NO_TEMPORAL,
      worker: false,
      env: IMPATIENT,
    })
    const token = await edge.identity.token('viewer')
    await untilAgentAnswers(edge)

    edge.agent.signal('SIGSTOP')
    expect(await statuses(token)).toEqual({ protected: [503], public: [200] })
    const buyer = await edge.identity.token('buyer', { scope: 'orders:write' })
    const orders = await inParallel(10, 5, () =>
      edge.send({ method: 'POST', path: '/orders/1', headers: bearer(buyer) }),
    )
    expect(orders.map(({ status }) => status)).toEqual(Array.from({ length: 10 }, () => 503))

    edge.agent.signal('SIGCONT')
    await untilAgentAnswers(edge)
    // The kernel kept those messages for the agent; their requests were refused, so nothing may come of them.
    expect((await edge.events()).total.received).toBe(0)
  })

  it('serves every request while HAProxy is reloaded under load', async () => {
    edge = await startEdge(version, { temporalAddress: NO_TEMPORAL, worker: false, masterWorker: true })
    const token = await edge.identity.token('viewer')
    const responses = await inParallel(1500, 8, async (i) => {
      if (i === 300 || i === 700 || i === 1100) edge.haproxy.signal('SIGUSR2')
      return edge.send({ ...PROTECTED, headers: bearer(token) })
    })
    const byStatus = Object.groupBy(responses, ({ status }) => status)
    expect(Object.fromEntries(Object.entries(byStatus).map(([status, list]) => [status, list?.length]))).toEqual({
      200: 1500,
    })
  })

  it('stops cleanly on SIGTERM, and its successor takes over', async () => {
    edge = await startEdge(version, { temporalAddress: NO_TEMPORAL, worker: false })
    await edge.agent.stop()
    expect(await edge.agent.exited).toBe('ended with exit code 0')
    expect((await edge.send(PROTECTED)).status).toBe(503)
    edge.startAgent()
    await untilAgentAnswers(edge)
  })
})
