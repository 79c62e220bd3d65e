import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { loadConfig, parseConfig } from '../../../agent/config/load.ts'
import type { Problem } from '../../../agent/config/problem.ts'
import { ROOT } from '../../../agent/dev/tools.ts'
import { haproxyEnvironment, HaproxyFile } from '../../../agent/lint/haproxy-file.ts'
import { lint } from '../../../agent/lint/lint.ts'

const ENV = { OIDC_ISSUER: 'https://id.example.com' }
export type Edit = (text: string) => string

export interface Edits {
  readonly agent?: Edit
  readonly haproxy?: Edit
  readonly spoe?: Edit
  readonly env?: Record<string, string>
}

/** An edit that has to change something: a test on an edit that no longer fits would test the shipped files. */
export function replace(from: string | RegExp, to: string): Edit {
  return (text) => {
    const edited = text.replaceAll(typeof from === 'string' ? from : new RegExp(from.source, 'gm'), () => to)
    if (edited === text) throw new Error(`there is no ${from} in the shipped file`)
    return edited
  }
}

export function both(first: Edit, second: Edit): Edit {
  return (text) => second(first(text))
}

/** Findings about the shipped files after an edit to each. */
export function findings(edits: Edits): Problem[] {
  const read = (name: string, edit: Edit = (text) => text): string => edit(readFileSync(join(ROOT, name), 'utf8'))
  const haproxyText = read('haproxy.cfg', edits.haproxy)
  const env = haproxyEnvironment(haproxyText, { ...ENV, ...edits.env })
  const agent = { ...ENV, ...edits.env }
  return lint({
    loaded:
      edits.agent === undefined
        ? loadConfig(join(ROOT, 'agent.yaml'), agent)
        : parseConfig('agent.yaml', read('agent.yaml', edits.agent), agent),
    haproxy: new HaproxyFile('haproxy.cfg', haproxyText, env),
    spoe: new HaproxyFile('spoe.conf', read('spoe.conf', edits.spoe), env),
  })
}

/** The same in short: severity, code and file. */
export function codes(edits: Edits): string[] {
  return findings(edits).map(({ severity, code, file }) => `${severity} ${code} ${file}`)
}
