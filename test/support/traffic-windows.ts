import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Client, Connection } from '@temporalio/client'
import { expect } from 'vitest'
import type { TrafficWindows } from '../../workflows/workflows/traffic-window.ts'
import { type Edge, startEdge } from './edge.ts'
import { tempFolder } from './folder.ts'

/** All but the rules. */
const HEAD = `version: 1
spop: { listen: ["tcp://127.0.0.1:\${SPOP_PORT}"], deadline: "\${SPOP_DEADLINE}", drain: 0s }
admin: { listen: "tcp://127.0.0.1:\${ADMIN_PORT}" }
temporal: { address: "\${TEMPORAL_ADDRESS}" }
outbox: { path: "\${OUTBOX_PATH}", drain: "\${OUTBOX_DRAIN}" }
rules:
`

/** An edge with these rules, whose agent has time to hand over what it has counted when it stops, and a client of its Temporal. */
export async function withWindows(
  { rules, env }: { readonly rules: string; readonly env?: NodeJS.ProcessEnv },
  body: (edge: Edge, client: Client) => Promise<void>,
): Promise<void> {
  const config = join(tempFolder(), 'agent.yaml')
  writeFileSync(config, `${HEAD}${rules}default: { deny: 403 }\n`)
  const edge = await startEdge('3.2', { config, env: { OUTBOX_DRAIN: '30s', ...env } })
  const client = new Client({ connection: await Connection.connect({ address: edge.temporalAddress }) })
  try {
    await body(edge, client)
  } finally {
    await client.connection.close()
    await edge.stop()
  }
}

/** The one window that a workflow has been told of. */
export async function onlyWindow(
  client: Client,
  workflowId: string,
): Promise<TrafficWindows['windows'][number] | undefined> {
  const { windows, malformed } = await client.workflow.getHandle(workflowId).query<TrafficWindows>('windows')
  expect(malformed).toBe(0)
  expect(windows).toHaveLength(1)
  return windows[0]
}
