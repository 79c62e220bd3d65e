import { Command } from 'commander'
import { versions } from '../dev/versions.ts'
import { jsonOption } from './options.ts'

/** `haproxy-temporal version`. */
export function versionCommand(): Command {
  return new Command('version')
    .description('print the versions of the agent and of what it works with on this machine')
    .addOption(jsonOption())
    .action(({ json }: { json: boolean }) => {
      const all = versions()
      if (json) console.log(JSON.stringify(all))
      else for (const [name, version] of Object.entries(all)) console.log(`${name.padEnd(10)}${version ?? 'not found'}`)
    })
}
