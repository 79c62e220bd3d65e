import { Agent } from 'node:https'
import { Client, Connection } from '@temporalio/client'
import { afterEach, describe, expect, it } from 'vitest'
import { Cleanup } from '../../agent/dev/cleanup.ts'
import { waitUntil } from '../../agent/dev/process.ts'
import { bearer, type Edge, HAPROXY_VERSIONS, startEdge } from '../support/edge.ts'
import { newFolder, removeFolder } from '../support/folder.ts'
import { testTemporal } from '../support/temporal.ts'

/** One in ten is an order (a workflow of its own) and one in ten an inquiry (a signal); the rest is metered. */
const TOTAL = 2000
const ORDERS = TOTAL / 10
const INQUIRIES = TOTAL / 10
const METERED = TOTAL - ORDERS - INQUIRIES
/** Requests that are sent in each interval: a steady rate, until the machine itself is what cannot follow. */
const PER_INTERVAL = 10
const INTERVAL_MS = 50
const MAX_OPEN = 100

describe.each(HAPROXY_VERSIONS)('while Temporal is away, behind HAProxy %s', (version) => {
  let edge: Edge | undefined
  const cleanup = new Cleanup()
  afterEach(async () => {
    await edge?.stop()
    await cleanup.run()
  })

  it('decides 2,000 requests as ever, and delivers every event once Temporal is back', async () => {
    const folder = newFolder()
    cleanup.add(() => removeFolder(folder))
    const temporal = await testTemporal(folder)
    cleanup.add(() => temporal.stop())
    await temporal.start()

    // A decision that waited for Temporal would miss its deadline, be answered 503, and counted as "timeout".
    edge = await startEdge(version, { temporalAddress: temporal.address })
    const connections = new Agent({ keepAlive: true, maxSockets: 16 })
    cleanup.add(() => connections.destroy())
    const tokens = {
      buyer: await edge.identity.token('buyer', { scope: 'orders:write' }),
      viewer: await edge.identity.token('viewer'),
    }
    const send = (i: number): Promise<number | string> => requestOf(edge as Edge, connections, tokens, i)
    // One of each kind while Temporal is there: what follows must be decided the same.
    const before = await Promise.all([0, 1, 2].map(send))
    expect(before).toEqual([200, 200, 200])

    await temporal.stop()
    const statuses = await atSteadyRate(TOTAL, send)
    expect(statuses.filter((status) => status !== 200)).toEqual([])
    expect((await edge.events()).total.pending).toBeGreaterThan(0)
    expect(await decisionsNotOk(edge)).toEqual([])

    await temporal.start()
    await waitUntil(
      'every event to be delivered',
      async () => (await (edge as Edge).events()).total.pending === 0,
      edge.agent,
      120_000,
    )
    const { total } = await edge.events()
    expect(total).toMatchObject({
      received: TOTAL + 3,
      delivered: TOTAL + 3,
      shed: 0,
      deadLettered: 0,
      deduplicated: 0,
    })

    const connection = await Connection.connect({ address: temporal.address })
    cleanup.add(() => connection.close())
    const client = new Client({ connection })
    await waitUntil(
      'the workflows to have counted all',
      async () => {
        const trail = await query(client, 'order-inquiry/viewer', 'trail')
        const usage = await query(client, 'api/globex', 'usage')
        return trail === INQUIRIES + 1 && usage === METERED + 1
      },
      undefined,
      60_000,
    )
    await waitUntil(
      'every order to be a workflow',
      async () => (await client.workflow.count("WorkflowType = 'requestHook'")).count === ORDERS + 1,
      undefined,
      60_000,
    )
  }, 300_000)
})

async function requestOf(
  edge: Edge,
  connections: Agent,
  tokens: { buyer: string; viewer: string },
  i: number,
): Promise<number | string> {
  const kind = i % 10
  const [method, path] = kind <= 1 ? ['POST', '/orders/1'] : ['GET', '/api/usage']
  const headers = bearer(kind === 0 ? tokens.buyer : tokens.viewer)
  const response = await edge.send({ method, path, headers }, connections)
  return response.status === 200 ? 200 : JSON.stringify(await edge.logged(response))
}

/** @returns the answers, or what went wrong instead */
async function atSteadyRate(
  total: number,
  send: (i: number) => Promise<number | string>,
): Promise<(number | string)[]> {
  const answers: (number | string)[] = []
  let sent = 0
  while (answers.length < total) {
    for (let n = 0; n < PER_INTERVAL && sent < total && sent - answers.length < MAX_OPEN; n++) {
      void send(sent++).then(
        (answer) => answers.push(answer),
        (error: unknown) => answers.push(String(error)),
      )
    }
    await new Promise((resolve) => setTimeout(resolve, INTERVAL_MS))
  }
  return answers
}

/** Decisions other than allow, from the agent's own counters; the probes of the start are not in yet. */
async function decisionsNotOk(edge: Edge): Promise<string[]> {
  const metrics = await (await fetch(`${edge.adminUrl}/metrics`)).text()
  return metrics
    .split('\n')
    .filter((line) => line.startsWith('haproxy_temporal_decisions_total{') && !line.includes('reason="ok"'))
}

async function query(client: Client, workflowId: string, name: string): Promise<number> {
  try {
    return (await client.workflow.getHandle(workflowId).query<{ total: number }>(name)).total
  } catch {
    // Not there yet, or its worker is not.
    return -1
  }
}
