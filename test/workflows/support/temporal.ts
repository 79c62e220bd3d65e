import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Connection } from '@temporalio/client'

/** A Temporal dev server of this process. */
export interface TemporalServer {
  readonly address: string
  readonly port: number
  stop(): Promise<void>
}

export interface TemporalServerOptions {
  /** Default: one that was free a moment ago. */
  readonly port?: number
  /** File of the database, for a server that is to come back. Default: memory. */
  readonly database?: string
}

const ROOT = join(import.meta.dirname, '..', '..', '..')
/** Two loaded cores need a few seconds; this only bounds the wait for a server that never comes. */
const READY_WITHIN = 60_000

/** Starts a server without UI on free ports and waits until it answers. */
export async function startTemporal(options: TemporalServerOptions = {}): Promise<TemporalServer> {
  const [port = 0, http = 0, metrics = 0] = await freePorts(3)
  const own = options.port ?? port
  const flags = ['--headless', '--ip', '127.0.0.1', '--log-level', 'error']
  const ports = ['--port', `${own}`, '--http-port', `${http}`, '--metrics-port', `${metrics}`]
  const database = options.database === undefined ? [] : ['--db-filename', options.database]
  const args = ['server', 'start-dev', ...flags, ...ports, ...database]
  const server = spawn(temporalCli(), args, { stdio: ['ignore', 'pipe', 'pipe'] })
  const guard = guardOf(server.pid)

  let log = ''
  const keep = (chunk: Buffer) => (log = (log + chunk.toString()).slice(-10_000))
  server.stdout.on('data', keep)
  server.stderr.on('data', keep)
  const ended = new Promise<void>((resolve) => {
    server.once('close', () => resolve())
    server.once('error', (error) => (log += String(error)))
  })
  const stop = async () => {
    server.kill('SIGTERM')
    await ended
    // Only now: the process id may belong to another process soon.
    guard?.kill('SIGKILL')
  }

  const address = `127.0.0.1:${own}`
  try {
    await untilReady(address, () => server.pid !== undefined && server.exitCode === null)
  } catch (error) {
    await stop()
    throw new Error(`the Temporal server did not start:\n${log}`, { cause: error })
  }
  return { address, port: own, stop }
}

/** Kills the server when this process dies in whatever way: its end of the pipe is closed then. */
function guardOf(pid: number | undefined): ChildProcess | undefined {
  if (pid === undefined) return undefined
  const script = 'cat >/dev/null; kill -TERM "$1"'
  return spawn('sh', ['-c', script, 'temporal-guard', `${pid}`], { stdio: ['pipe', 'ignore', 'ignore'] })
}

function temporalCli(): string {
  const pinned = join(ROOT, '.toolchain', 'bin', 'temporal')
  return process.env['TEMPORAL_CLI'] ?? (existsSync(pinned) ? pinned : 'temporal')
}

/** The namespace is registered a moment after the port is open, and a worker needs both. */
async function untilReady(address: string, alive: () => boolean): Promise<void> {
  const connection = Connection.lazy({ address, interceptors: [] })
  try {
    const end = Date.now() + READY_WITHIN
    for (;;) {
      try {
        const deadline = Date.now() + 2_000
        await connection.withDeadline(deadline, () =>
          connection.workflowService.describeNamespace({ namespace: 'default' }),
        )
        return
      } catch (error) {
        if (!alive() || Date.now() > end) throw error
        await sleep(50)
      }
    }
  } finally {
    await connection.close()
  }
}

/** Ports that were free a moment ago, all different. */
async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer())
  try {
    return await Promise.all(
      servers.map(
        (server) =>
          new Promise<number>((resolve, reject) => {
            server.once('error', reject)
            server.listen(0, '127.0.0.1', () => {
              const bound = server.address()
              if (bound === null || typeof bound === 'string') reject(new Error('no port'))
              else resolve(bound.port)
            })
          }),
      ),
    )
  } finally {
    await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  }
}
