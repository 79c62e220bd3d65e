import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Cleanup } from '../../agent/dev/cleanup.ts'
import { ROOT } from '../../agent/dev/tools.ts'
import { UserError } from '../../agent/errors.ts'

/** Fetches and builds what is not there yet: HAProxy, wrk, the peers. Its words go to standard error. */
export function setUp(haproxyVersions: readonly string[]): void {
  const { status } = spawnSync(join(ROOT, 'scripts/setup/bench.sh'), haproxyVersions, { stdio: ['ignore', 2, 2] })
  if (status !== 0) throw new UserError('TOOL_MISSING', 'the set-up of the benchmark has failed (see above)')
}

/** A folder for configuration files, logs and sockets, gone with the benchmark. */
export function newFolder(cleanup: Cleanup): string {
  const data = join(ROOT, '.data')
  mkdirSync(data, { recursive: true })
  const folder = mkdtempSync(join(data, 'bench-'))
  cleanup.add(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}
