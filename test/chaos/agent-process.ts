import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ManagedProcess } from '../../agent/dev/process.ts'

const MAIN = fileURLToPath(new URL('../../agent/cli/main.ts', import.meta.url))
const CLOCK_SHIM = new URL('clock-shim.ts', import.meta.url).href
const THREAD_SHIM = new URL('thread-shim.ts', import.meta.url).href

export interface AgentVariant {
  /** A file that says how many milliseconds its clock is ahead. */
  readonly clockFile?: string
  /** A file that says which of its threads dies, and how. */
  readonly threadFile?: string
  /** Its outbox is on a disk of its own with so many bytes, which no other process sees and which ends with it. */
  readonly disk?: { readonly folder: string; readonly bytes: number }
}

/** `haproxy-temporal serve` from the sources. What the folder of a disk holds is at {@link diskOf}. */
export function startAgentProcess(
  config: string,
  env: Readonly<Record<string, string>>,
  folder: string,
  { clockFile, threadFile, disk }: AgentVariant = {},
): ManagedProcess {
  const preload = [
    ...(clockFile === undefined ? [] : ['--import', CLOCK_SHIM]),
    ...(threadFile === undefined ? [] : ['--import', THREAD_SHIM]),
  ]
  const node = ['--conditions=node-spoe-source', '--disable-warning=ExperimentalWarning', ...preload, MAIN]
  const command = [process.execPath, ...node, 'serve', '--config', config]
  const all = {
    ...env,
    ...(clockFile !== undefined && { CHAOS_CLOCK: clockFile }),
    ...(threadFile !== undefined && { CHAOS_THREAD: threadFile }),
    ...(disk !== undefined && { OUTBOX_PATH: join(disk.folder, 'outbox.db') }),
  }
  const mounted = disk === undefined ? command : [...inOwnMounts(disk.folder, disk.bytes), ...command]
  const [program = '', ...args] = mounted
  return new ManagedProcess({ name: 'agent', command: program, args, env: all, logFile: join(folder, 'agent.log') })
}

/** The disk's folder as it is for that agent. */
export function diskOf(agent: ManagedProcess, folder: string): string {
  return join(`/proc/${agent.pid}/root`, folder)
}

/** Mounts a file system of its own and becomes the command: the mount ends with it, whatever ends it. */
export function inOwnMounts(folder: string, bytes: number): readonly string[] {
  const script = 'mount -t tmpfs -o "size=$1" chaos "$2" && shift 2 && exec "$@"'
  return ['unshare', '--mount', 'sh', '-c', script, 'sh', String(bytes), folder]
}
