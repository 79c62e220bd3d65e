import { readFileSync } from 'node:fs'
import type { LoadedConfig } from '../config/load.ts'
import type { Path } from '../config/document.ts'
import type { Problem } from '../config/problem.ts'

const NO_FILES = { caFile: undefined, certFile: undefined, keyFile: undefined }

/** Files that agent.yaml names and `serve` reads later. Their paths are absolute already, see `loadConfig`. */
export function configFiles({ config, document }: LoadedConfig): Problem[] {
  const { tls } = config.temporal
  const { caFile, certFile, keyFile } = typeof tls === 'boolean' ? NO_FILES : { ...NO_FILES, ...tls }
  const named: [Path, string | undefined][] = [
    [['temporal', 'tls', 'caFile'], caFile],
    [['temporal', 'tls', 'certFile'], certFile],
    [['temporal', 'tls', 'keyFile'], keyFile],
  ]
  for (const [i, { tls: spopTls }] of config.spop.listen.entries()) {
    for (const key of ['certFile', 'keyFile', 'clientCaFile'] as const) {
      named.push([['spop', 'listen', i, 'tls', key], spopTls?.[key]])
    }
  }
  named.push(...filesIn(config.identity, ['identity']), ...filesIn(config.actor, ['actor']))
  named.push(...filesIn(config.audit?.pseudonyms, ['audit', 'pseudonyms']))
  return named.flatMap(([path, file]) => {
    const why = file === undefined ? undefined : unreadable(file)
    return why === undefined ? [] : [document.atValue('CONFIG_FILE_MISSING', path, `cannot read ${file}: ${why}`)]
  })
}

/** Files in a tree of settings, told by their names as the loader does. A file that the agent writes itself is none. */
function filesIn(value: unknown, path: Path): [Path, string][] {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, member]: [string, unknown]): [Path, string][] => {
    const here = [...path, Array.isArray(value) ? Number(key) : key]
    if (typeof member !== 'string') return filesIn(member, here)
    return /^file$|File$/.test(key) && !WRITTEN.has(key) ? [[here, member]] : []
  })
}

const WRITTEN: ReadonlySet<string> = new Set(['keysFile'])

function unreadable(file: string): string | undefined {
  try {
    readFileSync(file)
    return undefined
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? (error as Error).message
  }
}
