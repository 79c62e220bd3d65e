import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { loadConfig } from '../config/load.ts'
import type { Problem } from '../config/problem.ts'
import { findHaproxy, ROOT, toolVersion } from '../dev/tools.ts'
import { UserError } from '../errors.ts'
import { configFiles } from './config-files.ts'
import type { Finding } from './finding.ts'
import { type FileChange, fixed, type Texts } from './fix.ts'
import { askHaproxy } from './haproxy-binary.ts'
import { haproxyEnvironment, HaproxyFile, readHaproxyText } from './haproxy-file.ts'
import { LintInput, rulesNeed } from './input.ts'
import { lint } from './lint.ts'
import { replaceFile } from './replace-file.ts'
import { branchOf, type HaproxyVersion, parseVersion } from './version.ts'

/** The three files that belong together. */
export interface CheckedFiles {
  readonly config: string
  readonly haproxy: string
  readonly spoe: string
}

export interface CheckOptions extends CheckedFiles {
  /** The HAProxy that the files are for; by default the one that is installed here, or any. */
  readonly haproxyVersion?: HaproxyVersion | undefined
  /** `write` mends what is safe to mend, `show` only says how. */
  readonly fix?: 'write' | 'show' | undefined
}

export interface CheckResult {
  /** What is left, with `fix: 'write'`. */
  readonly problems: Finding[]
  /** Version of the HAProxy that was asked; `null` when there is none here, or none of that branch. */
  readonly haproxy: string | null
  /** What was mended, or would be. */
  readonly changes: FileChange[]
}

/** @throws {ConfigError} when agent.yaml itself is wrong: then the rest cannot be judged */
export function check(options: CheckOptions): CheckResult {
  const loaded = loadConfig(options.config)
  const needs = rulesNeed(loaded)
  const binary = haproxyBinary(options.haproxyVersion)
  const version = options.haproxyVersion ?? binary?.parsed
  const texts = { haproxy: readHaproxyText(options.haproxy), spoe: readHaproxyText(options.spoe) }
  const find = (now: Texts): Finding[] => lint(readInput({ loaded, needs, version }, options, now))
  const changes = options.fix === undefined ? [] : fixed(options, texts, find)
  if (options.fix === 'write') for (const { file, text } of changes) replaceFile(file, text)
  const now =
    options.fix === 'write' ? { haproxy: readHaproxyText(options.haproxy), spoe: readHaproxyText(options.spoe) } : texts
  const problems = [...configFiles(loaded), ...find(now)]
  if (binary === undefined) return { problems, haproxy: null, changes }
  // HAProxy is to read the very file that is checked here, from wherever it starts.
  const path = resolve(options.spoe)
  const said = askHaproxy(binary.path, options.haproxy, { SPOE_CONF: path }, { [path]: options.spoe })
  return { problems: [...problems, ...said.filter((one) => !repeats(one, problems))], haproxy: binary.version, changes }
}

/** What HAProxy says of an SPOE section where something better is said already. */
function repeats({ code, file, line, message }: Problem, problems: readonly Problem[]): boolean {
  if (code !== 'HAPROXY_WARNS' || !/SPOE (?:agent|message)/.test(message)) return false
  return problems.some((other) => other.file === file && other.line === line)
}

function readInput(
  { loaded, needs, version }: Pick<LintInput, 'loaded' | 'needs' | 'version'>,
  files: CheckedFiles,
  texts: Texts,
): LintInput {
  const env = haproxyEnvironment(texts.haproxy, { ...process.env, SPOE_CONF: resolve(files.spoe) }, version)
  return new LintInput(
    loaded,
    needs,
    new HaproxyFile(files.haproxy, texts.haproxy, env, version),
    new HaproxyFile(files.spoe, texts.spoe, env, version),
    version,
  )
}

/** `no problems`, `2 problems`, `2 warnings`, `1 error, 2 warnings`. */
export function countProblems(problems: readonly Problem[]): string {
  const warnings = problems.filter(({ severity }) => severity === 'warning').length
  const errors = problems.length - warnings
  if (warnings === 0) return errors === 0 ? 'no problems' : plural(errors, 'problem')
  return errors === 0 ? plural(warnings, 'warning') : `${plural(errors, 'error')}, ${plural(warnings, 'warning')}`
}

export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}

interface Binary {
  readonly path: string
  readonly version: string
  readonly parsed: HaproxyVersion | undefined
}

/** One that can judge: of another branch it would say what does not hold. */
function haproxyBinary(wanted: HaproxyVersion | undefined): Binary | undefined {
  const fetched = wanted === undefined ? undefined : join(ROOT, '.toolchain/bin', `haproxy-${branchOf(wanted)}`)
  for (const find of [findHaproxy, () => fetched]) {
    const binary = asBinary(find)
    const { parsed } = binary ?? {}
    if (binary === undefined) continue
    if (wanted === undefined || (parsed !== undefined && branchOf(parsed) === branchOf(wanted))) return binary
  }
  return undefined
}

function asBinary(find: () => string | undefined): Binary | undefined {
  try {
    const path = find()
    if (path === undefined || !existsSync(path)) return undefined
    const version = toolVersion(path, '-v')
    return { path, version, parsed: parseVersion(version) }
  } catch (error) {
    if (error instanceof UserError) return undefined
    throw error
  }
}
