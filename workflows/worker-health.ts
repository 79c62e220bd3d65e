import { isGrpcServiceError } from '@temporalio/client'
import { TransportError, type NativeConnection, type Worker } from '@temporalio/worker'
import { pause } from './backoff.ts'

/** How often the connection is asked whether it is there, and how long an answer may take. Milliseconds. */
const PROBE = { interval: 5_000, timeout: 5_000 } as const

/** gRPC codes of a Temporal that answers and refuses us: NOT_FOUND (the namespace), PERMISSION_DENIED, UNAUTHENTICATED. */
const REFUSALS = new Set([5, 7, 16])

/** True when Temporal is there and does not accept this worker. */
export function isRefusal(error: unknown): boolean {
  return isGrpcServiceError(error) && REFUSALS.has(error.code)
}

/** What a failure means, in words that stay the same from one try to the next. */
export function diagnose(error: unknown): string {
  if (isRefusal(error)) return 'Temporal refuses this worker'
  if (isGrpcServiceError(error) || error instanceof TransportError) return 'Temporal is away'
  return `the worker failed: ${String(error)}`
}

/** Asks Temporal for our namespace. Throws when it is away, or refuses us. */
export async function probe(connection: NativeConnection, namespace: string): Promise<void> {
  const deadline = Date.now() + PROBE.timeout
  await connection.withDeadline(deadline, () => connection.workflowService.describeNamespace({ namespace }))
}

/**
 * Asks Temporal every few seconds, on the worker's connection, whether it is there for our namespace, until the signal
 * aborts. The SDK's pollers bridge an absence in silence; somebody has to know of it.
 *
 * @param report told about every answer: the error, or undefined when all is well
 */
export async function watchConnection(
  worker: Pick<Worker, 'connection'>,
  namespace: string,
  signal: AbortSignal,
  report: (error: unknown) => void,
): Promise<void> {
  while (!signal.aborted) {
    await pause(PROBE.interval, signal)
    let problem: unknown
    const { connection } = worker
    try {
      if (connection !== undefined) await probe(connection, namespace)
    } catch (error) {
      problem = error
    }
    // What a connection says that has just been replaced is of no interest.
    if (connection !== worker.connection) continue
    if (!signal.aborted) report(problem)
  }
}

/** The SDK gave up a worker and left it behind: it holds its connection for as long as the process lives. */
export class AbandonedWorkerError extends Error {
  override readonly name = 'AbandonedWorkerError'
}

/**
 * Runs a worker until it ends. `worker.run()` alone is not enough: after a fatal poll error SDK 1.24 sets its state to
 * FAILED and then waits for pollers that nobody drains any more, so that its promise never settles.
 *
 * @throws AbandonedWorkerError when that happens; whatever `worker.run()` throws otherwise
 */
export async function runWorker(worker: Worker): Promise<void> {
  const settled = new AbortController()
  const running = worker.run().finally(() => settled.abort())
  await Promise.race([running, rejectWhenFailed(worker, settled.signal)])
}

async function rejectWhenFailed(worker: Worker, settled: AbortSignal): Promise<void> {
  // Twice in a row: a worker that fails in good order is FAILED for a moment too.
  for (let failed = 0; failed < 2; failed = worker.getState() === 'FAILED' ? failed + 1 : 0) {
    await pause(1_000, settled)
    if (settled.aborted) return
  }
  throw new AbandonedWorkerError("the SDK's worker failed and did not end")
}
