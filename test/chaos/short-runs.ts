import { Client, Connection } from '@temporalio/client'
import type { EntityOptions } from '../../workflows/workflows/entity.ts'
import { WORKFLOWS } from './config.ts'
import { ENTITIES, type Lane, NAMESPACES } from './lanes.ts'

/** Far fewer than by default, so that faults meet entities that continue as new. Of windows there is one in five seconds. */
function optionsOf({ kind }: Lane): EntityOptions {
  return { signalsPerRun: kind === 'window' ? 5 : 100 }
}

/** Whose entities are started here; those of the others are started by the agent's first event. */
const TENANT = 'acme'

/** Starts entities whose runs are short: the agent finds them running, and each run hands its options to the next. */
export async function startShortRuns(address: string): Promise<void> {
  const connection = await Connection.connect({ address })
  try {
    for (const namespace of NAMESPACES) {
      const client = new Client({ connection, namespace })
      for (const { lane, kind, tenant, workflowId } of ENTITIES) {
        if (tenant !== TENANT || lane.namespace !== namespace) continue
        await client.workflow.start(WORKFLOWS[kind], {
          workflowId,
          taskQueue: 'edge',
          args: [{ rule: lane.rule, key: tenant, options: optionsOf(lane) }],
        })
      }
    }
  } finally {
    await connection.close()
  }
}
