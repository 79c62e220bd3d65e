import type { DataConverter } from '@temporalio/common'
import { Worker } from '@temporalio/worker'
import type { EnvelopeVerifier } from '../agent/actor/proof.ts'
import type { ActivityDependencies } from './activities/index.ts'
import { backoff, pause } from './backoff.ts'
import { workflowBundle, type WorkflowBundle } from './bundle.ts'
import { FAILURE_CONVERTER } from './codec.ts'
import { connect, followCredentials, type Shown, type WorkerCredentials } from './connection.ts'
import type { Logger } from './logger.ts'
import { installRuntime } from './runtime.ts'
import { AbandonedWorkerError, diagnose, isRefusal, runWorker, watchConnection } from './worker-health.ts'
import { versioned, workerParts, type WorkerDeployment } from './worker-options.ts'

export interface WorkerHostOptions {
  /** `host:port` of Temporal. */
  readonly address: string
  readonly namespace: string
  readonly taskQueue: string
  /** What it shows to Temporal; absent: nothing, and without TLS. */
  readonly credentials?: WorkerCredentials
  readonly logger: Logger
  /** How the worker shows in Temporal. Default: the SDK's `pid@host`. */
  readonly identity?: string
  /** Workflows kept in memory between their tasks. Default: the SDK's, which depends on the heap. */
  readonly maxCachedWorkflows?: number
  /** What the activities work with. */
  readonly activities?: ActivityDependencies
  /** How payloads are written and read: that of `codec.ts` where they are encrypted. Default: the SDK's, plain JSON. */
  readonly dataConverter?: DataConverter
  /** Default: without a version, it takes what no version is meant for. */
  readonly deployment?: WorkerDeployment
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
  /**
   * Takes no more work, lets running activities end, and resolves when all is closed; at the latest 10 s after the grace
   * of activities, then with something left behind: a process that wants to end has to exit.
   */
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

/** The SDK has been seen to wait without end for a Temporal that is gone: it is left behind this long after that. Milliseconds. */
const GIVE_UP_AFTER = 5_000

class SupervisedWorker implements WorkerHost {
  readonly #options: WorkerHostOptions
  readonly #log: Logger
  readonly #stopped = new AbortController()
  #state: WorkerHostState = 'idle'
  #running: Promise<void> | undefined
  /** Whether there is an SDK worker, which may have activities under way. */
  #serving = false
  /** The failure that was logged last: the same one again is no news. */
  #problem: string | undefined

  constructor(options: WorkerHostOptions) {
    this.#options = options
    this.#log = options.logger
  }

  get state(): WorkerHostState {
    return this.#state
  }

  get #grace(): number {
    return this.#options.shutdownGrace ?? 10_000
  }

  run(): Promise<void> {
    if (this.#running !== undefined) throw new Error('this worker host runs already or has been stopped')
    this.#running = this.#supervise().finally(() => (this.#state = 'stopped'))
    return this.#running
  }

  async stop(): Promise<void> {
    // Activities run on while Temporal is away, too.
    const patience = this.#serving ? this.#grace + FORCE_AFTER + GIVE_UP_AFTER : GIVE_UP_AFTER
    if (this.#state !== 'stopped') this.#state = 'stopping'
    this.#stopped.abort()
    this.#running ??= Promise.resolve().finally(() => (this.#state = 'stopped'))
    const ended = new AbortController()
    // A failure of `run` belongs to whoever called `run`.
    const running = this.#running.catch(() => undefined).finally(() => ended.abort())
    await Promise.race([running, pause(patience, ended.signal)])
    if (!ended.signal.aborted) this.#log.warn({}, 'the worker does not end: it is left behind')
    this.#state = 'stopped'
  }

  async #supervise(): Promise<void> {
    const { deployment, dataConverter } = this.#options
    const bundle = await workflowBundle({
      versioned: deployment !== undefined,
      // The worker's converter does not reach into the sandbox, where workflow code throws.
      encrypted: dataConverter?.failureConverterPath === FAILURE_CONVERTER,
    })
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
    const { namespace, taskQueue, credentials, identity, maxCachedWorkflows, activities, verifier } = this.#options
    const { dataConverter, deployment } = this.#options
    const shown = credentials?.()
    if (credentials !== undefined && shown === undefined) throw new Error('there are no credentials that can be used')
    const connection = await connect(this.#options, shown)
    let abandoned = false
    let worker: Worker | undefined
    try {
      if (this.#stopped.signal.aborted) return
      worker = await Worker.create({
        ...workerParts(bundle, activities, verifier),
        connection,
        namespace,
        taskQueue,
        shutdownGraceTime: this.#grace,
        // Without it an activity that ignores its cancellation keeps `stop` waiting for ever.
        shutdownForceTime: this.#grace + FORCE_AFTER,
        ...(dataConverter !== undefined && { dataConverter }),
        ...(deployment !== undefined && versioned(deployment)),
        ...(identity !== undefined && { identity }),
        ...(maxCachedWorkflows !== undefined && { maxCachedWorkflows }),
      })
      await this.#serve(worker, shown)
    } catch (error) {
      abandoned = error instanceof AbandonedWorkerError
      throw error
    } finally {
      // Perhaps not the one that it began with.
      if (!abandoned) await (worker?.connection ?? connection).close()
    }
  }

  /** Runs the worker until `stop`, or until Temporal refuses it: then it is better closed before its pollers give up. */
  async #serve(worker: Worker, shown: Shown | undefined): Promise<void> {
    const ended = new AbortController()
    const shutdown = () => {
      if (worker.getState() === 'RUNNING') worker.shutdown()
    }
    this.#serving = true
    const running = runWorker(worker).finally(() => {
      this.#serving = false
      ended.abort()
    })
    // `stop` may have come while the worker was made.
    if (this.#stopped.signal.aborted) shutdown()
    else this.#here()
    this.#stopped.signal.addEventListener('abort', shutdown, { once: true })
    const { namespace, credentials } = this.#options
    const watching = watchConnection(worker, namespace, ended.signal, (error) => {
      if (this.#stopped.signal.aborted) return
      if (error === undefined) this.#here()
      else this.#away(error)
      if (isRefusal(error)) shutdown()
    })
    const following =
      credentials === undefined
        ? undefined
        : followCredentials(
            { place: this.#options, worker, credentials, shown, log: this.#log, startAnew: shutdown },
            ended.signal,
          )
    try {
      await running
    } finally {
      this.#stopped.signal.removeEventListener('abort', shutdown)
      await Promise.all([watching, following])
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
