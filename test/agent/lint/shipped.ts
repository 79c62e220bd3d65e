import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseConfig } from '../../../agent/config/load.ts'
import type { Finding } from '../../../agent/lint/finding.ts'
import { LintInput, rulesNeed } from '../../../agent/lint/input.ts'
import { parseVersion } from '../../../agent/lint/version.ts'
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
  /** Of HAProxy; by default 3.2, `any` for none. */
  readonly version?: string
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

/** The shipped files after an edit to each. */
export function edited({ agent, haproxy, spoe }: Edits): Record<'agent' | 'haproxy' | 'spoe', string> {
  const read = (name: string, edit: Edit = (text) => text): string => edit(readFileSync(join(ROOT, name), 'utf8'))
  return { agent: read('agent.yaml', agent), haproxy: read('haproxy.cfg', haproxy), spoe: read('spoe.conf', spoe) }
}

/** What the linter has to look at, for the HAProxy of a version. */
export function inputOf(edits: Edits): LintInput {
  const version = parseVersion(edits.version ?? '3.2')
  const texts = edited(edits)
  const env = { ...ENV, ...edits.env }
  const inHaproxy = haproxyEnvironment(texts.haproxy, env, version)
  const loaded = parseConfig('agent.yaml', texts.agent, env)
  return new LintInput(
    loaded,
    rulesNeed(loaded),
    new HaproxyFile('haproxy.cfg', texts.haproxy, inHaproxy, version),
    new HaproxyFile('spoe.conf', texts.spoe, inHaproxy, version),
    version,
  )
}

/** Findings about the shipped files after an edit to each. */
export function findings(edits: Edits): Finding[] {
  return lint(inputOf(edits))
}

/** The same in short: severity, code and file. */
export function codes(edits: Edits): string[] {
  return findings(edits).map(({ severity, code, file }) => `${severity} ${code} ${file}`)
}
