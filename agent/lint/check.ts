import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { loadConfig } from '../config/load.ts'
import type { Problem } from '../config/problem.ts'
import { findHaproxy, toolVersion } from '../dev/tools.ts'
import { UserError } from '../errors.ts'
import { compileRules } from '../rules/compile.ts'
import { configFiles } from './config-files.ts'
import { askHaproxy } from './haproxy-binary.ts'
import { haproxyEnvironment, HaproxyFile } from './haproxy-file.ts'
import { lint } from './lint.ts'

/** The three files that belong together. */
export interface CheckedFiles {
  readonly config: string
  readonly haproxy: string
  readonly spoe: string
}

/**
 * @returns all problems, and the version of the HAProxy that was asked; `null` when there is none on this machine
 * @throws {ConfigError} when agent.yaml itself is wrong: then the rest cannot be judged
 */
export function check(options: CheckedFiles): { problems: Problem[]; haproxy: string | null } {
  const loaded = loadConfig(options.config)
  compileRules(loaded.config, loaded.document)
  // HAProxy is to read the very file that is checked here, from wherever it starts.
  const path = resolve(options.spoe)
  const preset = { SPOE_CONF: path }
  const env = haproxyEnvironment(readText(options.haproxy), { ...process.env, ...preset })
  const haproxy = HaproxyFile.read(options.haproxy, env)
  const spoe = HaproxyFile.read(options.spoe, env)
  const problems = [...configFiles(loaded), ...lint({ loaded, haproxy, spoe })]
  const binary = haproxyBinary()
  if (binary === null) return { problems, haproxy: null }
  const version = toolVersion(binary, '-v')
  return {
    problems: [...problems, ...askHaproxy(binary, options.haproxy, preset, { [path]: options.spoe })],
    haproxy: version,
  }
}

/** `no problems`, `2 problems`, `2 warnings`, `1 error, 2 warnings`. */
export function countProblems(problems: readonly Problem[]): string {
  const warnings = problems.filter(({ severity }) => severity === 'warning').length
  const errors = problems.length - warnings
  if (warnings === 0) return errors === 0 ? 'no problems' : plural(errors, 'problem')
  return errors === 0 ? plural(warnings, 'warning') : `${plural(errors, 'error')}, ${plural(warnings, 'warning')}`
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}

function haproxyBinary(): string | null {
  try {
    return findHaproxy()
  } catch (error) {
    if (error instanceof UserError) return null
    throw error
  }
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw new UserError('HAPROXY_UNREADABLE', `cannot read ${file}: ${(error as Error).message}`, { cause: error })
  }
}
