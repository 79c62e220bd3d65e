import { Command } from 'commander'
import { startAgent } from '../agent.ts'
import { loadConfig } from '../config/load.ts'
import { createLogger } from '../log.ts'
import { VERSION } from '../version.ts'
import { configOption } from './options.ts'
import { untilSignal } from './signals.ts'

export function serveCommand(): Command {
  return new Command('serve')
    .description('run the agent: answer HAProxy, hand events to Temporal')
    .addOption(configOption())
    .action(async ({ config: file }: { config: string }) => {
      // Before anything starts, so that a stop in the middle of the start is graceful too.
      const signalled = untilSignal()
      const loaded = loadConfig(file)
      const log = createLogger(loaded.config.log.level, 'agent')
      const agent = await startAgent(file, loaded, log)
      const { temporal, rules } = loaded.config
      log.info(
        { version: VERSION, spop: agent.spop, admin: agent.admin, temporal: temporal.address, rules: rules.length },
        `listening: SPOP on ${agent.spop.join(', ')}; admin on ${agent.admin ?? 'none'}`,
      )
      const signal = await signalled
      log.info({ signal }, 'stopping: health checks fail, what is in flight is answered, events are handed over')
      await agent.stop()
      log.info({}, 'stopped')
    })
}
