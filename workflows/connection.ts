import { NativeConnection, type NativeConnectionOptions, type Worker } from '@temporalio/worker'
import { backoff, pause } from './backoff.ts'
import type { Logger } from './logger.ts'
import { PartingConnections } from './parting-connections.ts'
import { diagnose, probe } from './worker-health.ts'

/** What is shown to Temporal. */
export type Shown = Pick<NativeConnectionOptions, 'tls' | 'apiKey'>

/** What there is to show now, the same object until it changes; undefined while there is nothing. Asked every second. */
export type WorkerCredentials = () => Shown | undefined

export interface Place {
  /** `host:port` of Temporal. */
  readonly address: string
  readonly namespace: string
}

export interface Following {
  readonly place: Place
  readonly worker: Pick<Worker, 'connection'>
  readonly credentials: WorkerCredentials
  /** What the worker's connection shows now. */
  readonly shown: Shown | undefined
  readonly log: Logger
  /** Ends the worker, and begins another one. */
  readonly startAnew: () => void
}

/** Milliseconds between two looks at the credentials. */
const LOOK = 1_000

/** Milliseconds for one try of new ones: the SDK has been seen to wait without end for somebody who never answers. */
const TRY = 15_000

/** Connects and asks for the namespace. @throws when Temporal is away, or refuses us */
export async function connect({ address, namespace }: Place, shown: Shown | undefined): Promise<NativeConnection> {
  const connection = await NativeConnection.connect({ address, ...shown })
  try {
    // The worker asks too, but hides the gRPC code: a refusal would look like an absence.
    await probe(connection, namespace)
  } catch (error) {
    await connection.close()
    throw error
  }
  return connection
}

/**
 * Gives a running worker a new connection whenever its credentials change, until the signal aborts or the worker has to be
 * started anew. Tasks under way end on the new connection. Credentials that do not work are tried again, and the worker
 * keeps its connection meanwhile.
 */
export async function followCredentials(following: Following, signal: AbortSignal): Promise<void> {
  const { place, worker, credentials, log, startAnew } = following
  let { shown } = following
  let tried: Shown | undefined
  let failures = 0
  const parting = new PartingConnections()
  try {
    while (!signal.aborted) {
      const wanted = credentials()
      if (await parting.haveStuckPolls(worker.connection, place.namespace)) {
        log.warn(fieldsOf(place), 'Temporal turned old credentials away too early for the worker: it is started anew')
        return startAnew()
      }
      if (wanted === undefined || wanted === shown) {
        await pause(LOOK, signal)
        continue
      }
      if (wanted !== tried) failures = 0
      tried = wanted
      try {
        const before = worker.connection
        await replaceConnection(worker, await connectInTime(place, wanted, signal))
        if (before !== undefined) parting.add(before)
        shown = wanted
        log.info(fieldsOf(place), 'the worker shows its new credentials')
      } catch (error) {
        if (signal.aborted) return
        const fields = { ...fieldsOf(place), err: error }
        if (failures === 0) log.error(fields, `new credentials of the worker do not work: ${diagnose(error)}`)
        else log.debug(fields, 'still: new credentials of the worker do not work')
        await pause(backoff(++failures), signal)
      }
    }
  } finally {
    await parting.close()
  }
}

/** The place may be part of something larger, which is nobody's business. */
function fieldsOf({ address, namespace }: Place): Place {
  return { address, namespace }
}

async function connectInTime(place: Place, shown: Shown, signal: AbortSignal): Promise<NativeConnection> {
  const connecting = connect(place, shown)
  const next = await Promise.race([connecting, pause(TRY, signal)])
  if (next !== undefined) return next
  // Should it come after all, nobody wants it any more.
  connecting.then(
    (late) => late.close(),
    () => undefined,
  )
  throw new Error('Temporal does not answer')
}

async function replaceConnection(worker: Pick<Worker, 'connection'>, next: NativeConnection): Promise<void> {
  try {
    worker.connection = next
  } catch (error) {
    await next.close()
    throw error
  }
}
