import { Client, Connection } from '@temporalio/client'
import { onTestFinished } from 'vitest'

export interface Histories {
  /** Ids of all workflows in the namespace, as visibility knows them. */
  workflowIds(): Promise<string[]>
  /** The first argument of each signal of that name, in order. */
  signals<T>(workflowId: string, name: string): Promise<T[]>
  /** Input, header and memo of the start, decoded. */
  started(workflowId: string): Promise<{ input: unknown; header: unknown; memo: unknown }>
}

/** What the server knows of workflows, for tests that run no worker. */
export async function histories(address: string): Promise<Histories> {
  const connection = await Connection.connect({ address })
  onTestFinished(() => connection.close())
  const client = new Client({ connection })
  const events = async (workflowId: string) => (await client.workflow.getHandle(workflowId).fetchHistory()).events ?? []
  return {
    async workflowIds() {
      const ids: string[] = []
      for await (const { workflowId } of client.workflow.list()) ids.push(workflowId)
      return ids
    },
    async signals<T>(workflowId: string, name: string) {
      const found: T[] = []
      for (const { workflowExecutionSignaledEventAttributes: signal } of await events(workflowId)) {
        if (signal?.signalName === name) found.push(json(signal.input?.payloads?.[0]?.data) as T)
      }
      return found
    },
    async started(workflowId) {
      const start = (await events(workflowId))[0]?.workflowExecutionStartedEventAttributes
      const field = (fields: Record<string, { data?: Uint8Array | null }> | null | undefined) =>
        json(fields?.['actor']?.data)
      return {
        input: json(start?.input?.payloads?.[0]?.data),
        header: field(start?.header?.fields),
        memo: field(start?.memo?.fields),
      }
    },
  }
}

function json(data: Uint8Array | null | undefined): unknown {
  return data == null ? undefined : JSON.parse(Buffer.from(data).toString())
}
