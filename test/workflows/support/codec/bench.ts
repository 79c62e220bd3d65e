import { fileURLToPath } from 'node:url'
import { Client, Connection } from '@temporalio/client'
import { ApplicationFailure } from '@temporalio/common'
import proto from '@temporalio/proto'
import { bundleWorkflowCode, DefaultLogger, NativeConnection, Worker, type WorkerOptions } from '@temporalio/worker'
import { FAILURE_CONVERTER } from '../../../../workflows/codec.ts'
import { startTestTemporal } from '../../../support/temporal.ts'
import { installQuietRuntime } from '../workbench.ts'

/** A server, and workers with the workflows of this folder. */
export interface CodecBench {
  /** Reads what Temporal keeps, as it is kept. */
  readonly client: Client
  readonly address: string
  withWorker<T>(taskQueue: string, options: Partial<WorkerOptions>, body: () => Promise<T>): Promise<T>
  close(): Promise<void>
}

/** @param hideFailures whether the bundle has the converter that makes payloads of the texts of errors */
export async function openCodecBench(hideFailures: boolean): Promise<CodecBench> {
  installQuietRuntime()
  const server = await startTestTemporal()
  const native = await NativeConnection.connect({ address: server.address })
  const client = new Client({ connection: await Connection.connect({ address: server.address }) })
  const workflowBundle = await bundleWorkflowCode({
    workflowsPath: fileURLToPath(new URL('workflows.ts', import.meta.url)),
    logger: new DefaultLogger('ERROR'),
    ...(hideFailures && { failureConverterPath: FAILURE_CONVERTER }),
  })
  return {
    client,
    address: server.address,
    async withWorker(taskQueue, options, body) {
      const worker = await Worker.create({
        connection: native,
        taskQueue,
        workflowBundle,
        activities: {
          handle: async (text: string) => `${text} handled canary-result`,
          near: async (text: string) => `${text} near canary-result`,
          fail: async (text: string) => {
            throw ApplicationFailure.nonRetryable(text, 'Refused', text)
          },
        },
        // Every task decrypts the whole history.
        maxCachedWorkflows: 0,
        ...options,
      })
      return await worker.runUntil(body)
    },
    async close() {
      await client.connection.close()
      await native.close()
      await server.stop()
    },
  }
}

/** All that Temporal keeps of a workflow, as bytes: the history of its last run and its description. */
export async function whatTemporalKeeps(client: Client, workflowId: string): Promise<Buffer> {
  const history = await client.workflow.getHandle(workflowId).fetchHistory()
  const request = { namespace: 'default', execution: { workflowId } }
  const description = await client.workflowService.describeWorkflowExecution(request)
  const { DescribeWorkflowExecutionResponse } = proto.temporal.api.workflowservice.v1
  return Buffer.concat([
    proto.temporal.api.history.v1.History.encode(history).finish(),
    DescribeWorkflowExecutionResponse.encode(description).finish(),
  ])
}
