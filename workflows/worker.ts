import { NativeConnection, Worker, type NativeConnectionOptions } from '@temporalio/worker'
import type { EnvelopeVerifier } from '../agent/actor/proof.ts'
import type { ActivityDependencies } from './activities/index.ts'
import { backoff, pause } from './backoff.ts'
import { workflowBundle, type WorkflowBundle } from './bundle.ts'
import type { Logger } from './logger.ts'
import { installRuntime } from './runtime.ts'
import { AbandonedWorkerError, diagnose, isRefusal, probe, runWorker, watchConnection } from './worker-health.ts'
import { workerParts } from './worker-options.ts'

export interface WorkerHostOptions {
  /** `host:port` of Temporal. */
  readonly address: string
  readonly namespace: string
  readonly taskQueue: string
  readonly tls?: NativeConnectionOptions['tls']
  readonly apiKey?: string
  readonly logger: Logger
  /** How the worker shows in Temporal. Default: the SDK's `pid@host`. */
  readonly identity?: string
  /** Workflows kept in memory between their tasks. Default: the SDK's, which depends on the heap. */
  readonly maxCachedWorkflows?: number
  /** What the activities work with. */
  readonly activities?: ActivityDependencies
  /** Proves callers; without one, callers are as their headers say. The caller starts and closes it. */
  readonly verifier?: EnvelopeVerifier
  /** How long running activities may go on after `stop`, in milliseconds. Default 10,000. */
  readonly shutdownGrace?: number
}

/** `connecting`: Temporal is away or does not accept us, the host keeps trying. `running`: taking work. */
export type WorkerHostState = 'idle' | 'connecting' | 'running' | 'stopping' | 'stopped'

export interface WorkerHost {
  readonly state: WorkerHostState
  /**
   * Works until `stop`, through any absence of Temporal. To be called once.
   *
   * @throws Error when it cannot ever work: the workflows do not compile, or an option is not valid
   */
  run(): Promise<void>
  /** Takes no more work, lets running activities end, and resolves when all is closed. */
  stop(): Promise<void>
}

/** A worker that stands by: connects when Temporal is there, and again when it was lost. Starts nothing before `run`. */
export function createWorkerHost(options: WorkerHostOptions): WorkerHost {
  return new SupervisedWorker(options)
}

/** Running for this long counts as success: the next failure starts at the shortest pause again. Milliseconds. */
const STABLE_AFTER = 30_000

/** What is left of the worker this long after its activities' grace is dropped. Milliseconds. */
const FORCE_AFTER = 5_000

class SupervisedWorker implements WorkerHost {
  readonly #options: WorkerHostOptions
  readonly #log: Logger
  readonly #stopped = new AbortController()
  #state: WorkerHostState = 'idle'
  #running: Promise<void> | undefined
  /** The failure that was logged last: the same one again is no news. */
  #problem: string | undefined

  constructor(options: WorkerHostOptions) {
    this.#options = options
    this.#log = options.logger
  }

  get state(): WorkerHostState {
    return this.#state
  }

  run(): Promise<void> {
    if (this.#running !== undefined) throw new Error('this worker host runs already or has been stopped')
    this.#running = this.#supervise().finally(() => (this.#state = 'stopped'))
    return this.#running
  }

  async stop(): Promise<void> {
    if (this.#state !== 'stopped') this.#state = 'stopping'
    this.#stopped.abort()
    this.#running ??= Promise.resolve().finally(() => (this.#state = 'stopped'))
    // A failure of `run` belongs to whoever called `run`.
    await this.#running.catch(() => undefined)
  }

  async #supervise(): Promise<void> {
    const bundle = await workflowBundle()
    // A runtime that is made and never used keeps the process from ending.
    if (this.#stopped.signal.aborted) return
    installRuntime(this.#log)
    for (let failures = 1; !this.#stopped.signal.aborted; failures += 1) {
      this.#state = 'connecting'
      const before = Date.now()
      try {
        await this.#work(bundle)
      } catch (error) {
        if (isMistake(error)) throw error
        this.#away(error)
      }
      if (Date.now() - before > STABLE_AFTER) failures = 1
      await pause(backoff(failures), this.#stopped.signal)
    }
  }

  /** One connection and its worker, from beginning to end. */
  async #work(bundle: WorkflowBundle): Promise<void> {
    const { address, namespace, taskQueue, tls, apiKey, identity, maxCachedWorkflows, activities, verifier } =
      this.#options
    const grace = this.#options.shutdownGrace ?? 10_000
    const connection = await NativeConnection.connect({
      address,
      ...(tls !== undefined && { tls }),
      ...(apiKey !== undefined && { apiKey }),
    })
    let abandoned = false
    try {
      // Worker.create asks too, but hides the gRPC code: a refusal would look like an absence.
      await probe(connection, namespace)
      if (this.#stopped.signal.aborted) return
      const worker = await Worker.create({
        ...workerParts(bundle, activities, verifier),
        connection,
        namespace,
        taskQueue,
        shutdownGraceTime: grace,
        // Without it an activity that ignores its cancellation keeps `stop` waiting for ever.
        shutdownForceTime: grace + FORCE_AFTER,
        ...(identity !== undefined && { identity }),
        ...(maxCachedWorkflows !== undefined && { maxCachedWorkflows }),
      })
      await this.#serve(worker, connection)
    } catch (error) {
      abandoned = error instanceof AbandonedWorkerError
      throw error
    } finally {
      if (!abandoned) await connection.close()
    }
  }

  /** Runs the worker until `stop`, or until Temporal refuses it: then it is better closed before its pollers give up. */
  async #serve(worker: Worker, connection: NativeConnection): Promise<void> {
    const ended = new AbortController()
    const shutdown = () => {
      if (worker.getState() === 'RUNNING') worker.shutdown()
    }
    const running = runWorker(worker).finally(() => ended.abort())
    // `stop` may have come while the worker was made.
    if (this.#stopped.signal.aborted) shutdown()
    else this.#here()
    this.#stopped.signal.addEventListener('abort', shutdown, { once: true })
    const watching = watchConnection(connection, this.#options.namespace, ended.signal, (error) => {
      if (this.#stopped.signal.aborted) return
      if (error === undefined) this.#here()
      else this.#away(error)
      if (isRefusal(error)) shutdown()
    })
    try {
      await running
    } finally {
      this.#stopped.signal.removeEventListener('abort', shutdown)
      await watching
    }
  }

  #here(): void {
    if (this.#state === 'running') return
    const { address, namespace, taskQueue } = this.#options
    this.#state = 'running'
    this.#problem = undefined
    this.#log.info({ address, namespace, taskQueue }, 'worker is running')
  }

  #away(error: unknown): void {
    if (this.#state !== 'stopping') this.#state = 'connecting'
    const problem = diagnose(error)
    const fields = { address: this.#options.address, namespace: this.#options.namespace, err: error }
    if (this.#state === 'stopping') this.#log.warn(fields, 'the worker did not stop in good order')
    else if (problem === this.#problem) this.#log.debug(fields, `still: ${problem}`)
    else this.#log.warn(fields, `${problem}: will keep trying`)
    this.#problem = problem
  }
}

/** An option that is wrong stays wrong, however often it is tried. */
function isMistake(error: unknown): boolean {
  return error instanceof TypeError || error instanceof RangeError
}
