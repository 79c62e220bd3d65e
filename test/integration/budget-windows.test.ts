import { readFileSync } from 'node:fs'
import { expect, it, vi } from 'vitest'
import { onlyWindow, withWindows } from '../support/traffic-windows.ts'

/** Bounds a wait that would otherwise never end; nothing is measured by it. */
const EVENTUALLY = { timeout: 60_000, interval: 100 }

/** So small a budget is spent before the first request. */
const BUDGET =
  'budget: { actions: 1, per: 1000000000, then: { window: trafficWindow, every: 1h, key: request.method } }'

const RULES = `  - name: access
    match: { path: "/public/**" }
    identity: none
    workflow: { signal: auditTrail, key: request.host, delivery: durable, ${BUDGET} }
  - name: trap
    match: { path: "/admin/**" }
    deny: 403
    workflow: { start: requestHook, delivery: durable, ${BUDGET} }
`

it(
  'what a budget leaves without an event reaches a workflow as counts, and the books say so',
  { timeout: 180_000 },
  async () => {
    await withWindows({ rules: RULES }, async (edge, client) => {
      for (let n = 0; n < 5; n++) expect((await edge.send({ method: 'GET', path: '/public/x' })).status).toBe(200)
      for (let n = 0; n < 2; n++) expect((await edge.send({ method: 'POST', path: '/public/x' })).status).toBe(200)
      for (let n = 0; n < 3; n++) expect((await edge.send({ method: 'GET', path: '/admin/x' })).status).toBe(403)
      expect((await edge.events()).rules).toMatchObject({
        access: { received: 7, windowed: 7, delivered: 0, pending: 0 },
        trap: { received: 3, windowed: 3, delivered: 0, pending: 0 },
      })
      await vi.waitFor(() => {
        const lines = readFileSync(edge.agent.logFile, 'utf8').split('\n')
        const told = lines.filter((line) => line.includes('over budget') && line.includes('"rule":"access"'))
        expect(told).toHaveLength(1)
      }, EVENTUALLY)
      // The end hands over what has been counted.
      await edge.agent.stop()
      await vi.waitFor(async () => {
        expect(await onlyWindow(client, 'access/~window/GET')).toMatchObject({
          begun: 5,
          requests: 5,
          errors: 0,
          statuses: { '2xx': 5 },
          servers: { app1: { requests: 5 } },
        })
        expect(await onlyWindow(client, 'access/~window/POST')).toMatchObject({
          begun: 2,
          requests: 2,
          statuses: { '2xx': 2 },
        })
        // Who is refused reaches no server.
        expect(await onlyWindow(client, 'trap/~window/GET')).toMatchObject({ begun: 3, requests: 0 })
      }, EVENTUALLY)
    })
  },
)
