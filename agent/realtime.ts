import { spawnSync } from 'node:child_process'

/** Milliseconds that `chrt` may take. */
const TIMEOUT_MS = 2_000

/**
 * Has the kernel run this thread, the main one, as soon as it has something to do, whatever else wants its core: SCHED_RR
 * at the lowest priority there is (sched(7)). Otherwise a thread that wakes may wait for the end of somebody's time slice,
 * some milliseconds, although it needs a tenth of one; a lower nice value does not change that. The threads that this one
 * starts are scheduled as before (SCHED_RESET_ON_FORK). Done with `chrt` of util-linux: Node has no call for it, and that
 * of BusyBox knows of no such flag, by any name.
 *
 * @returns why it could not be done; undefined when it is
 */
export function runInRealTime(): string | undefined {
  if (process.platform !== 'linux') return 'only Linux has it'
  const args = ['--rr', '--reset-on-fork', '--pid', '1', String(process.pid)]
  const { error, status, stderr } = spawnSync('chrt', args, { encoding: 'utf8', timeout: TIMEOUT_MS })
  if (error !== undefined) return `chrt: ${error.message}`
  if (status === 0) return undefined
  if (/busybox/i.test(stderr)) return 'chrt of BusyBox cannot leave later threads out: install that of util-linux'
  return stderr.trim()
}
