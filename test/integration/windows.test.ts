import { expect, it, vi } from 'vitest'
import { onlyWindow, withWindows } from '../support/traffic-windows.ts'

/** Bounds a wait that would otherwise never end; nothing is measured by it. */
const EVENTUALLY = { timeout: 60_000, interval: 100 }

const RULES = `  - name: traffic
    match: { path: "/public/**" }
    identity: none
    workflow: { window: trafficWindow, key: '"Zürich"', every: 1h, delivery: durable }
  - name: down
    match: { path: "/orders/**" }
    identity: none
    route: orders
    workflow: { window: trafficWindow, key: request.method, every: 1h, delivery: durable }
`

it(
  'what responses come to reaches a workflow, through the shipped files and a real server',
  { timeout: 180_000 },
  async () => {
    // Nobody listens at the servers of the second rule.
    await withWindows({ rules: RULES, env: { ORDERS_SERVER: '127.0.0.1:1' } }, async (edge, client) => {
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
    })
  },
)
