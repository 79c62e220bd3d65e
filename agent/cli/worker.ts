import { Command, Option } from 'commander'
import type { AgentConfig } from '../config/schema.ts'
import { configOption } from './options.ts'
import { untilSignal } from './signals.ts'

export function workerCommand(): Command {
  return new Command('worker')
    .description('run the Temporal worker with the shipped workflows, on the task queues that the rules name')
    .addOption(configOption())
    .addOption(new Option('--task-queue <name...>', 'serve these task queues instead'))
    .action(async ({ config: file, taskQueue }: { config: string; taskQueue?: string[] }) => {
      const signalled = untilSignal()
      // Loaded here: the native core of the SDK is large, and no other command wants it.
      const [{ createWorkerHost }, { loadConfig }, { createLogger }, { tlsOf }, { openActorVerifier }] =
        await Promise.all([
          import('../../workflows/worker.ts'),
          import('../config/load.ts'),
          import('../log.ts'),
          import('../dispatch/connection.ts'),
          import('../actor/verifier.ts'),
        ])
      const { config } = loadConfig(file)
      const { address, namespace, apiKey } = config.temporal
      const tls = tlsOf(config.temporal.tls)
      const log = createLogger(config.log.level, 'worker')
      const verifier = await openActorVerifier(config.actor, log)
      const queues = taskQueue ?? taskQueues(config)
      const hosts = queues.map((queue) =>
        createWorkerHost({
          address,
          namespace,
          taskQueue: queue,
          logger: log,
          ...(tls !== undefined && { tls }),
          ...(apiKey !== undefined && { apiKey }),
          ...(verifier !== undefined && { verifier }),
        }),
      )
      log.info({ temporal: address, queues }, `serving task queues ${queues.join(', ')}`)
      const running = Promise.all(hosts.map((host) => host.run()))
      const signal = await Promise.race([signalled, running.then(() => undefined)])
      if (signal !== undefined) log.info({ signal }, 'stopping: running activities finish')
      await Promise.all(hosts.map((host) => host.stop()))
      await running
      verifier?.close()
      log.info({}, 'stopped')
    })
}

/** Every queue that a rule names; `edge` when none does. */
function taskQueues(config: AgentConfig): string[] {
  const named = config.rules.flatMap((rule) => (rule.workflow === undefined ? [] : [rule.workflow.taskQueue]))
  return named.length === 0 ? ['edge'] : [...new Set(named)]
}
