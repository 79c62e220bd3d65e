import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { Command, Option } from 'commander'
import { createWorkerHost } from '../../workflows/worker.ts'
import { loadConfig } from '../config/load.ts'
import type { AgentConfig } from '../config/schema.ts'
import { createLogger } from '../log.ts'
import { configOption } from './options.ts'
import { untilSignal } from './signals.ts'

export function workerCommand(): Command {
  return new Command('worker')
    .description('run the Temporal worker with the shipped workflows, on the task queues that the rules name')
    .addOption(configOption())
    .addOption(new Option('--task-queue <name...>', 'serve these task queues instead'))
    .action(async ({ config: file, taskQueue }: { config: string; taskQueue?: string[] }) => {
      const signalled = untilSignal()
      const { config } = loadConfig(file)
      const log = createLogger(config.log.level, 'worker')
      const queues = taskQueue ?? taskQueues(config)
      const hosts = queues.map((queue) =>
        createWorkerHost({ ...connection(config, dirname(resolve(file))), taskQueue: queue, logger: log }),
      )
      log.info({ temporal: config.temporal.address, queues }, `serving task queues ${queues.join(', ')}`)
      const running = Promise.all(hosts.map((host) => host.run()))
      const signal = await Promise.race([signalled, running.then(() => undefined)])
      if (signal !== undefined) log.info({ signal }, 'stopping: running activities finish')
      await Promise.all(hosts.map((host) => host.stop()))
      await running
      log.info({}, 'stopped')
    })
}

/** Every queue that a rule names; `edge` when none does. */
function taskQueues(config: AgentConfig): string[] {
  const named = config.rules.flatMap((rule) => (rule.workflow === undefined ? [] : [rule.workflow.taskQueue]))
  return named.length === 0 ? ['edge'] : [...new Set(named)]
}

function connection(
  config: AgentConfig,
  base: string,
): Pick<Parameters<typeof createWorkerHost>[0], 'address' | 'namespace' | 'tls' | 'apiKey'> {
  const { address, namespace, tls, apiKey } = config.temporal
  const read = (file: string): Buffer => readFileSync(resolve(base, file))
  const credentials =
    typeof tls === 'boolean'
      ? tls
      : {
          ...(tls.serverName !== undefined && { serverNameOverride: tls.serverName }),
          ...(tls.caFile !== undefined && { serverRootCACertificate: read(tls.caFile) }),
          ...(tls.certFile !== undefined &&
            tls.keyFile !== undefined && { clientCertPair: { crt: read(tls.certFile), key: read(tls.keyFile) } }),
        }
  return { address, namespace, tls: credentials, ...(apiKey !== undefined && { apiKey }) }
}
