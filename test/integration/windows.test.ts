import { join } from 'node:path'
import { writeFileSync } from 'node:fs'
import { Client, Connection } from '@temporalio/client'
import { expect, it, vi } from 'vitest'
import { startEdge } from '../support/edge.ts'
import { tempFolder } from '../support/folder.ts'
import { onlyWindow } from '../support/traffic-windows.ts'

/** Bounds a wait that would otherwise never end; nothing is measured by it. */
const EVENTUALLY = { timeout: 60_000, interval: 100 }

const CONFIG = `version: 1
spop: { listen: ["tcp://127.0.0.1:\${SPOP_PORT}"], deadline: "\${SPOP_DEADLINE}", drain: 0s }
admin: { listen: "tcp://127.0.0.1:\${ADMIN_PORT}" }
temporal: { address: "\${TEMPORAL_ADDRESS}" }
outbox: { path: "\${OUTBOX_PATH}", drain: "\${OUTBOX_DRAIN}" }
rules:
  - name: traffic
    match: { path: "/public/**" }
    identity: none
    workflow: { window: trafficWindow, key: '"Zürich"', every: 1h, delivery: durable }
  - name: down
    match: { path: "/orders/**" }
    identity: none
    route: orders
    workflow: { window: trafficWindow, key: request.method, every: 1h, delivery: durable }
default: { deny: 403 }
`

it(
  'what responses come to reaches a workflow, through the shipped files and a real server',
  { timeout: 180_000 },
  async () => {
    const config = join(tempFolder(), 'agent.yaml')
    writeFileSync(config, CONFIG)
    // Nobody listens at the servers of the second rule.
    const edge = await startEdge('3.2', { config, env: { OUTBOX_DRAIN: '30s', ORDERS_SERVER: '127.0.0.1:1' } })
    const client = new Client({ connection: await Connection.connect({ address: edge.temporalAddress }) })
    try {
      for (let n = 0; n < 6; n++) {
        expect((await edge.send({ method: 'GET', path: '/public/x' })).status).toBe(200)
      }
      for (let n = 0; n < 2; n++) {
        expect((await edge.send({ method: 'GET', path: '/orders/x' })).status).toBe(503)
      }
      // The end hands over what has been counted.
      await edge.agent.stop()
      await vi.waitFor(async () => {
        expect(await onlyWindow(client, 'traffic/Zürich')).toMatchObject({
          begun: 6,
          requests: 6,
          errors: 0,
          statuses: { '2xx': 6 },
          latencyMs: { count: 6 },
          servers: { app1: { requests: 6 } },
        })
        expect(await onlyWindow(client, 'down/GET')).toMatchObject({ begun: 2, requests: 0, errors: 0 })
      }, EVENTUALLY)
    } finally {
      await client.connection.close()
      await edge.stop()
    }
  },
)
