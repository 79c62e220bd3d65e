import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { UserError } from '../errors.ts'
import { findOnPath } from './process.ts'

/** Root of the repository, or of the installed package. */
export const ROOT: string = fileURLToPath(
  new URL(import.meta.url.endsWith('.ts') ? '../..' : '../../..', import.meta.url),
)

/** `$HAPROXY`, else the one on PATH, else the one that `make setup` fetched. */
export function findHaproxy(): string {
  return findTool('haproxy', 'HAPROXY', ['haproxy-3.2', 'haproxy-3.0', 'haproxy-2.6'])
}

/** `$TEMPORAL_CLI`, else the one on PATH, else the one that `make setup` fetched. */
export function findTemporal(): string {
  return findTool('temporal', 'TEMPORAL_CLI', ['temporal'])
}

function findTool(name: string, variable: string, fetched: readonly string[]): string {
  const named = process.env[variable]
  if (named !== undefined && named !== '') {
    if (existsSync(named)) return named
    throw new UserError('TOOL_MISSING', `${variable} names ${named}, which does not exist`)
  }
  const candidates = fetched.map((file) => `${ROOT}/.toolchain/bin/${file}`.replace('//', '/'))
  const found = findOnPath(name) ?? candidates.find((file) => existsSync(file))
  if (found === undefined) throw new UserError('TOOL_MISSING', `${name} is neither on PATH nor under .toolchain/`)
  return found
}

/**
 * `HAProxy version 3.2.26-1 2026/10/14 - …` gives `3.2.26-1`; the same for `temporal version 1.9.1 (…)`.
 * @throws {UserError} when it does not run, or says nothing
 */
export function toolVersion(binary: string, flag: string): string {
  const { error, status, signal, stdout } = spawnSync(binary, [flag], { encoding: 'utf8', timeout: 20_000 })
  const why = error?.message ?? (status === 0 ? undefined : `it ended with ${signal ?? `exit code ${status}`}`)
  if (why !== undefined) throw new UserError('TOOL_MISSING', `${binary} ${flag} does not work: ${why}`)
  const version = /version (\S+)/.exec(stdout)?.[1] ?? stdout.trim().split('\n', 1)[0] ?? ''
  if (version === '') throw new UserError('TOOL_MISSING', `${binary} ${flag} says nothing`)
  return version
}
