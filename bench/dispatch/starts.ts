import { Client, Connection } from '@temporalio/client'
import type { WorkflowAction } from '../../agent/dispatch/command.ts'
import type { Dispatcher } from '../../agent/dispatch/dispatcher.ts'
import type { EdgeEvent } from '../../agent/messages.ts'
import { delivered } from './metered.ts'

/** Calls in flight of the bare client: beyond it they only wait for each other. */
const IN_FLIGHT = 64

const action: WorkflowAction = {
  kind: 'start',
  rule: 'orders',
  workflowType: 'requestHook',
  taskQueue: 'bench',
  delivery: 'memory',
}

let serial = 0

/** An event as the agent makes it of an order. */
function event(): EdgeEvent {
  const requestId = `${Date.now().toString(16).toUpperCase()}-${process.pid}-${serial++}`
  return {
    id: `orders/${requestId}`,
    type: 'orders',
    rule: 'orders',
    at: Date.now(),
    request: { id: requestId, method: 'POST', host: 'api.example', path: '/orders', query: '', source: '192.0.2.1' },
    actor: {
      v: 1,
      type: 'jwt',
      subject: 'user-7',
      tenant: 'acme',
      roles: ['buyer'],
      scopes: [],
      requestId,
      rule: 'orders',
    },
    vars: { plan: 'gold' },
  }
}

/** Starts through the dispatcher: a second, until Temporal has all of them. */
export async function startsOf(dispatcher: Dispatcher, count: number): Promise<number> {
  const before = dispatcher.counters().total.delivered
  const started = performance.now()
  for (let i = 0; i < count; i++) {
    const body = event()
    const { id, at } = body
    if (!dispatcher.dispatch({ action, id, at, workflowId: id, key: '', tenant: 'acme', body })) throw new Error('shed')
  }
  await delivered(dispatcher, before + count)
  return count / ((performance.now() - started) / 1000)
}

/** Starts of the SDK's client with the same input, as a program would make them that uses it directly. */
export async function startsOfSdk(address: string, count: number): Promise<number> {
  const connection = await Connection.connect({ address })
  try {
    const client = new Client({ connection })
    const started = performance.now()
    let left = count
    await Promise.all(
      Array.from({ length: IN_FLIGHT }, async () => {
        while (left-- > 0) {
          const body = event()
          await client.workflow.start('requestHook', { workflowId: body.id, taskQueue: 'bench', args: [body] })
        }
      }),
    )
    return count / ((performance.now() - started) / 1000)
  } finally {
    await connection.close()
  }
}
