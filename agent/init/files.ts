import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { schemaText } from '../config/json-schema.ts'
import { parseConfig } from '../config/load.ts'
import { ConfigError } from '../config/problem.ts'
import { ROOT } from '../dev/tools.ts'
import { compileRules } from '../rules/compile.ts'
import { agentYaml } from './agent-yaml.ts'
import { type Answers, assertAnswers, InitRefused } from './answers.ts'
import { haproxyConfig } from './haproxy-files.ts'

export interface NewFile {
  readonly name: string
  readonly text: string
}

/**
 * The files for these answers, checked as far as agent.yaml goes.
 * @throws {InitRefused} an answer cannot be right
 * @throws {ConfigError} the agent would not take the file: of answers that end in it as they are
 */
export function filesFor(answers: Answers): NewFile[] {
  assertAnswers(answers)
  const config = agentYaml(answers)
  assertConfig(config)
  const shipped = (name: string): string => readFileSync(join(ROOT, name), 'utf8')
  return [
    { name: 'agent.yaml', text: config },
    { name: 'haproxy.cfg', text: haproxyConfig(shipped('haproxy.cfg'), answers) },
    { name: 'spoe.conf', text: shipped('spoe.conf') },
    { name: 'agent.schema.json', text: schemaText() },
  ]
}

function assertConfig(text: string): void {
  try {
    const { config, document } = parseConfig('agent.yaml', text, process.env)
    compileRules(config, document)
  } catch (error) {
    // Whoever gives ${NAME} as an answer may set it later.
    const isUnset = error instanceof ConfigError && error.problems.every(({ code }) => code === 'CONFIG_ENV_UNSET')
    if (!isUnset) throw error
  }
}

/**
 * Writes the files into a folder, which is made if need be. Without `force` nothing is overwritten, and where one file
 * is there already none is written.
 * @returns their paths
 * @throws {InitRefused} names the files that are there
 */
export function writeFiles(folder: string, files: readonly NewFile[], force: boolean): string[] {
  const paths = files.map(({ name }) => join(folder, name))
  const there = paths.filter((path) => existsSync(path))
  if (there.length > 0 && !force) {
    throw new InitRefused(`there is ${there.join(', ')} already: --force overwrites, --dir names another folder`)
  }
  mkdirSync(folder, { recursive: true })
  // "wx" refuses what has come since, a link into another folder too.
  for (const [i, { text }] of files.entries()) writeFileSync(paths[i] ?? '', text, { flag: force ? 'w' : 'wx' })
  return paths
}
