import { connect } from 'node:net'
import { ManagedProcess, waitUntil } from './process.ts'

export interface HaproxyOptions {
  readonly binary: string
  readonly config: string
  /** Variables of haproxy.cfg, see its `presetenv` lines. */
  readonly env: Readonly<Record<string, string>>
  readonly logFile: string
  /** A port that it binds: it is ready when this one takes connections. */
  readonly readyPort: number
  /** A master and a worker, so that SIGUSR2 reloads. */
  readonly masterWorker?: boolean
}

/** Starts HAProxy in the foreground and waits until it takes connections. */
export async function startHaproxy(options: HaproxyOptions): Promise<ManagedProcess> {
  const args = [...(options.masterWorker === true ? ['-W'] : []), '-db', '-f', options.config]
  const haproxy = new ManagedProcess({
    name: 'haproxy',
    command: options.binary,
    args,
    env: options.env,
    logFile: options.logFile,
  })
  try {
    await waitUntil(`HAProxy to listen on port ${options.readyPort}`, () => accepts(options.readyPort), haproxy)
  } catch (error) {
    await haproxy.stop()
    throw error
  }
  return haproxy
}

export function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
