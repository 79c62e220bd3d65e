import { Command, Option } from 'commander'
import type { AgentConfig } from '../config/schema.ts'
import { configOption } from './options.ts'
import { untilSignal } from './signals.ts'

export function workerCommand(): Command {
  return new Command('worker')
    .description(
      'run the Temporal worker with the shipped workflows, on the namespaces and task queues that the rules name',
    )
    .addOption(configOption())
    .addOption(new Option('--task-queue <name...>', 'serve these task queues instead'))
    .addOption(new Option('--deployment <name>', 'be a version of this worker deployment; needs --build-id'))
    .addOption(new Option('--build-id <id>', 'which version: the same for workers of the same code'))
    .action(async ({ config: file, taskQueue, ...version }: WorkerCliOptions, command: Command) => {
      const deployment = deploymentOf(version, command)
      const signalled = untilSignal()
      // Loaded here: the native core of the SDK is large, and no other command wants it.
      const [
        { createWorkerHost },
        { loadConfig },
        { createLogger },
        { WorkerEndpoints },
        { openActorVerifier },
        { openPayloadKeys },
        { encryptedConverter },
      ] = await Promise.all([
        import('../../workflows/worker.ts'),
        import('../config/load.ts'),
        import('../log.ts'),
        import('../dispatch/temporal/worker-endpoints.ts'),
        import('../actor/verifier.ts'),
        import('../crypto/payload-keys.ts'),
        import('../../workflows/codec.ts'),
      ])
      const { config } = loadConfig(file)
      const log = createLogger(config.log.level, 'worker')
      const verifier = await openActorVerifier(config.actor, log)
      const { payloadKeys } = config.temporal
      const keys = payloadKeys && (await openPayloadKeys(payloadKeys, log))
      const endpoints = new WorkerEndpoints(config.temporal, log)
      const served = servedQueues(config, taskQueue)
      const hosts = await Promise.all(
        served.map(async ({ namespace, queue }) =>
          createWorkerHost({
            ...(await endpoints.of(namespace)),
            namespace,
            taskQueue: queue,
            logger: log,
            ...(verifier !== undefined && { verifier }),
            ...(deployment !== undefined && { deployment }),
            ...(keys !== undefined && encryptedConverter(keys)),
          }),
        ),
      )
      const queues = served.map(({ namespace, queue }) =>
        namespace === config.temporal.namespace ? queue : `${namespace}/${queue}`,
      )
      log.info({ temporal: config.temporal.address, queues }, `serving task queues ${queues.join(', ')}`)
      const running = Promise.all(hosts.map((host) => host.run()))
      const signal = await Promise.race([signalled, running.then(() => undefined)])
      if (signal !== undefined) log.info({ signal }, 'stopping: running activities finish')
      await Promise.all(hosts.map((host) => host.stop()))
      // Ended by now, perhaps with an error; or left behind.
      await Promise.race([running, Promise.resolve()])
      verifier?.close()
      keys?.close()
      endpoints.close()
      log.info({}, 'stopped')
      // What the SDK has left behind would keep the process for ever.
      process.exit()
    })
}

interface WorkerCliOptions {
  readonly config: string
  readonly taskQueue?: string[]
  readonly deployment?: string
  readonly buildId?: string
}

/** What the server refuses in the name of a deployment, without telling its workers: they would get no task, ever. */
const NO_NAME = /^__|[.:]|^$/

/** Undefined for a worker without a version. Ends the process with a usage error for half of one. */
function deploymentOf({ deployment: name, buildId }: Omit<WorkerCliOptions, 'config' | 'taskQueue'>, command: Command) {
  if (name === undefined && buildId === undefined) return undefined
  if (name === undefined) command.error('error: --build-id needs --deployment', { exitCode: 2 })
  if (buildId === undefined) command.error('error: --deployment needs --build-id', { exitCode: 2 })
  if (NO_NAME.test(name)) {
    command.error('error: the name of a deployment has no "." or ":" in it, and does not begin with "__"', {
      exitCode: 2,
    })
  }
  if (buildId === '') command.error('error: a build id is not empty', { exitCode: 2 })
  return { name, buildId }
}

interface ServedQueue {
  readonly namespace: string
  readonly queue: string
}

/**
 * Every queue that a rule names, in its namespace; `edge` when none does. Of queues that were asked for, those that no rule
 * names are served in the default namespace.
 */
export function servedQueues(config: AgentConfig, asked?: readonly string[]): ServedQueue[] {
  const { namespace: usual } = config.temporal
  const named = config.rules.flatMap(({ workflow }) =>
    workflow === undefined ? [] : [{ namespace: workflow.namespace ?? usual, queue: workflow.taskQueue }],
  )
  const wanted = (asked ?? (named.length === 0 ? ['edge'] : named.map(({ queue }) => queue))).flatMap((queue) => {
    const ofRules = named.filter((one) => one.queue === queue)
    return ofRules.length === 0 ? [{ namespace: usual, queue }] : ofRules
  })
  // Neither name may hold a line end that would matter.
  return [...new Map(wanted.map((one) => [`${one.namespace}\n${one.queue}`, one])).values()]
}
