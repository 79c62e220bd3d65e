import { SpopError } from './errors.ts'

/** Socket activation hands over descriptors from 3 on (sd_listen_fds(3), SD_LISTEN_FDS_START). */
const FIRST_FD = 3
const MAX_FDS = 1_024

/**
 * Listening sockets that systemd opened for this process: `LISTEN_PID`, `LISTEN_FDS`, `LISTEN_FDNAMES` (sd_listen_fds(3)).
 *
 * @param name of `FileDescriptorName=` in the socket unit; undefined takes all
 * @throws SpopError ERR_SPOP_SYSTEMD if there is none
 */
export function systemdSockets(name: string | undefined, env: NodeJS.ProcessEnv = process.env): number[] {
  const count = Number(env['LISTEN_FDS'])
  if (env['LISTEN_PID'] !== String(process.pid) || !Number.isInteger(count) || count < 1 || count > MAX_FDS) {
    throw new SpopError('ERR_SPOP_SYSTEMD', 'start the service through its .socket unit')
  }
  const names = (env['LISTEN_FDNAMES'] ?? '').split(':')
  const fds = Array.from({ length: count }, (_, i) => FIRST_FD + i)
  const chosen = name === undefined ? fds : fds.filter((_, i) => names[i] === name)
  if (chosen.length === 0) {
    throw new SpopError('ERR_SPOP_SYSTEMD', `"${name}" is none of ${names.join(', ') || '(none)'}`)
  }
  return chosen
}
