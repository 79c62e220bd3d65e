import { connect } from 'node:net'
import { ManagedProcess, waitUntil } from './process.ts'

export interface HaproxyOptions {
  readonly binary: string
  readonly config: string
  /** Variables of haproxy.cfg, see its `presetenv` lines. */
  readonly env: Readonly<Record<string, string>>
  readonly logFile: string
  /** A master and a worker, so that SIGUSR2 reloads. */
  readonly masterWorker?: boolean
}

/** Starts HAProxy in the foreground. Does not wait for it: see {@link haproxyReady}. */
export function startHaproxy(options: HaproxyOptions): ManagedProcess {
  const args = [...(options.masterWorker === true ? ['-W'] : []), '-db', '-f', options.config]
  return new ManagedProcess({
    name: 'haproxy',
    command: options.binary,
    args,
    env: options.env,
    logFile: options.logFile,
  })
}

/** Waits until it takes connections on `port`, one that it binds. */
export async function haproxyReady(haproxy: ManagedProcess, port: number): Promise<void> {
  await waitUntil(`HAProxy to listen on port ${port}`, () => accepts(port), haproxy)
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
