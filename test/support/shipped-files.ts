import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from '../../agent/dev/tools.ts'
import { replaced } from './docs.ts'

/** The text of a file at the root of the repository, as it is shipped. */
export function shipped(name: 'agent.yaml' | 'haproxy.cfg' | 'spoe.conf'): string {
  return readFileSync(join(ROOT, name), 'utf8')
}

export interface ConfigFiles {
  readonly config: string
  readonly haproxy: string
  readonly spoe: string
}

/** Writes what the three files shall hold. @returns their paths, for `startEdge` and `check` */
export function writeConfigFiles(folder: string, { config, haproxy, spoe }: ConfigFiles): ConfigFiles {
  const write = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text)
    return join(folder, name)
  }
  return { config: write('agent.yaml', config), haproxy: write('haproxy.cfg', haproxy), spoe: write('spoe.conf', spoe) }
}

/** spoe.conf with one more line of arguments in each of the two messages `check`. */
export function withArguments(spoe: string, line: string): string {
  const added = spoe.replaceAll(/^( *)args auth=.*\n/gm, (its, indent: string) => `${its}${indent}${line.trim()}\n`)
  if (added === spoe) throw new Error('spoe.conf has no message that shows Authorization')
  return added
}

/** An agent.yaml of the documentation with its fixed addresses given over to the variables of a stack of this test. */
export function onFreePorts(config: string): string {
  const spop = /^spop: \{ listen: tcp:\/\/127\.0\.0\.1:9000(?:, deadline: (\w+))? \}\n/m
  const deadline = spop.exec(config)?.[1] ?? '40ms'
  return replaced(
    replaced(config, 'address: 127.0.0.1:7233', 'address: "${TEMPORAL_ADDRESS}"'),
    spop,
    `spop: { listen: "tcp://127.0.0.1:\${SPOP_PORT}", deadline: "\${SPOP_DEADLINE:-${deadline}}" }
admin: { listen: "tcp://127.0.0.1:\${ADMIN_PORT}" }
outbox: { path: "\${OUTBOX_PATH}" }
`,
  )
}
