import { Command } from 'commander'
import type { RunningAgent } from '../agent.ts'
import { runInRealTime } from '../realtime.ts'
import { keepPausesShort } from '../short-pauses.ts'
import { configOption } from './options.ts'
import { untilSignal } from './signals.ts'

const REALTIME_HINT =
  'Give the process the limit RTPRIO 1 (systemd: LimitRTPRIO=1), or, as root in a container, SYS_NICE.'

export function serveCommand(): Command {
  return new Command('serve')
    .description('run the agent: answer HAProxy, hand events to Temporal')
    .addOption(configOption())
    .action(async ({ config: file }: { config: string }) => {
      // Before anything starts, so that a stop in the middle of the start is graceful too.
      const signalled = untilSignal()
      keepPausesShort()
      let agent: RunningAgent | undefined
      let early = false
      // What log rotation sends too; without a handler it would end the process.
      process.on('SIGHUP', () => {
        early = agent === undefined
        agent?.reopenAudit()
        void agent?.reload('signal')
      })
      // Loaded here: other commands, and this one's own start, need not wait for what they do not use.
      const [{ startAgent }, { loadConfig }, { createLogger }, { VERSION }] = await Promise.all([
        import('../agent.ts'),
        import('../config/load.ts'),
        import('../log.ts'),
        import('../version.ts'),
      ])
      const loaded = loadConfig(file)
      const { config } = loaded
      const log = createLogger(config.log.level, 'agent')
      if (config.spop.scheduling === 'realtime') {
        const reason = runInRealTime()
        if (reason !== undefined) log.warn({ reason, hint: REALTIME_HINT }, 'spop.scheduling: not in real time')
      }
      const starting = startAgent(loaded, log)
      agent = await Promise.race([starting, signalled.then(() => undefined)])
      if (agent !== undefined) {
        log.info(
          {
            version: VERSION,
            spop: agent.spop,
            admin: agent.admin,
            temporal: config.temporal.address,
            rules: config.rules.length,
          },
          `listening: SPOP on ${agent.spop.join(', ')}; admin on ${agent.admin ?? 'none'}`,
        )
      }
      // The file may have changed since it was read.
      if (early) void agent?.reload('signal')
      const signal = await signalled
      log.info({ signal }, 'stopping: health checks fail, what is in flight is answered, events are handed over')
      // A start that hangs is given up by a second signal.
      await (await starting).stop()
      log.info({}, 'stopped')
    })
}
