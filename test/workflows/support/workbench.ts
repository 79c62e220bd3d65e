import { NativeConnection, Runtime, Worker, type WorkerOptions } from '@temporalio/worker'
import { Client, Connection, type WorkflowHandle } from '@temporalio/client'
import type { ActivityDependencies } from '../../../workflows/activities/index.ts'
import { workflowBundle } from '../../../workflows/bundle.ts'
import { bridgeLogger, type Logger } from '../../../workflows/logger.ts'
import { workerParts } from '../../../workflows/worker-options.ts'
import { startTestTemporal } from '../../support/temporal.ts'

const quiet: Logger = { debug() {}, info() {}, warn() {}, error() {} }

/** Server, client and native connection of one test file. */
export interface Workbench {
  readonly client: Client
  readonly connection: NativeConnection
  /** Runs `body` while a worker serves `taskQueue`. */
  withWorker<T>(taskQueue: string, body: () => Promise<T>, more?: WorkbenchWorker): Promise<T>
  close(): Promise<void>
}

export interface WorkbenchWorker {
  readonly dependencies?: ActivityDependencies
  readonly options?: Partial<WorkerOptions>
}

/** The SDK says much about workers that come and go; the tests look at what workflows do. */
export function installQuietRuntime(): void {
  if (Runtime._instance !== undefined) return
  Runtime.install({
    logger: bridgeLogger(quiet),
    shutdownSignals: [],
    telemetryOptions: { logging: { forward: {}, filter: { core: 'ERROR', other: 'ERROR' } } },
  })
}

/** Starts a server for one test file; `close` ends it. */
export async function openWorkbench(): Promise<Workbench> {
  installQuietRuntime()
  const server = await startTestTemporal()
  const connection = await NativeConnection.connect({ address: server.address })
  const client = new Client({ connection: await Connection.connect({ address: server.address }) })
  return {
    client,
    connection,
    async withWorker(taskQueue, body, { dependencies, options } = {}) {
      const worker = await Worker.create({
        ...workerParts(await workflowBundle(), dependencies),
        connection,
        taskQueue,
        // Every task replays its workflow from the start, and what does not replay fails instead of being tried again.
        maxCachedWorkflows: 0,
        workflowFailureErrorTypes: { '*': ['NondeterminismError'] },
        ...options,
      })
      return await worker.runUntil(body)
    },
    async close() {
      await client.connection.close()
      await connection.close()
      await server.stop()
    },
  }
}

type HistoryEvents = NonNullable<Awaited<ReturnType<WorkflowHandle['fetchHistory']>>['events']>

/** The events of every run of an entity, first run first. */
export async function histories(client: Client, workflowId: string): Promise<HistoryEvents[]> {
  const { raw } = await client.workflow.getHandle(workflowId).describe()
  let runId = raw.workflowExecutionInfo?.firstRunId
  const runs: HistoryEvents[] = []
  while (runId) {
    const events = (await client.workflow.getHandle(workflowId, runId).fetchHistory()).events ?? []
    runs.push(events)
    runId = events.at(-1)?.workflowExecutionContinuedAsNewEventAttributes?.newExecutionRunId
  }
  return runs
}
