import { Command } from 'commander'
import type { DevOptions } from '../dev/run.ts'
import { configOption, haproxyOption, jsonOption, spoeOption } from './options.ts'
import { untilSignal } from './signals.ts'

export function devCommand(): Command {
  return new Command('dev')
    .description('run everything on this machine: HAProxy, agent, worker, Temporal, an OpenID provider, two upstreams')
    .option('--once', 'send the scripted requests, say what happened, and end', false)
    .addOption(configOption())
    .addOption(haproxyOption())
    .addOption(spoeOption())
    .addOption(jsonOption())
    .action(async (options: DevOptions) => {
      const interrupted = untilSignal()
      const { runDev } = await import('../dev/run.ts')
      process.exitCode = await runDev(options, interrupted)
      // What a signal interrupted may still be waiting for something; nobody waits for it any more.
      process.exit()
    })
}
