import { join } from 'node:path'
import { ManagedProcess, waitUntil } from './process.ts'
import { Connection } from '@temporalio/client'

export interface TemporalServer {
  /** `host:port` of the gRPC frontend. */
  readonly address: string
  /** URL of the web UI; `undefined` when headless. */
  readonly ui: string | undefined
  readonly process: ManagedProcess
}

export interface TemporalServerOptions {
  readonly binary: string
  readonly port: number
  /** Without one the server runs headless. */
  readonly uiPort?: number
  /** Folder for the database and the log. */
  readonly folder: string
  /** Made when it starts, where they are not there yet; `default` always is. */
  readonly namespaces?: readonly string[]
}

/** Starts the Temporal dev server with an SQLite file. Does not wait for it: see {@link temporalReady}. */
export function startTemporal({
  binary,
  port,
  uiPort,
  folder,
  namespaces = [],
}: TemporalServerOptions): TemporalServer {
  const args = ['server', 'start-dev', '--ip', '127.0.0.1', '--port', String(port), '--log-level', 'warn']
  args.push(
    '--db-filename',
    join(folder, 'temporal.db'),
    '--sqlite-pragma',
    'journal_mode=WAL',
    '--sqlite-pragma',
    'synchronous=OFF',
  )
  for (const namespace of namespaces) args.push('--namespace', namespace)
  args.push(...(uiPort === undefined ? ['--headless'] : ['--ui-port', String(uiPort)]))
  return {
    address: `127.0.0.1:${port}`,
    ui: uiPort === undefined ? undefined : `http://127.0.0.1:${uiPort}`,
    process: new ManagedProcess({ name: 'temporal', command: binary, args, logFile: join(folder, 'temporal.log') }),
  }
}

/** Waits until the server takes requests for all of these namespaces. */
export async function temporalReady(
  server: TemporalServer,
  namespaces: readonly string[] = ['default'],
): Promise<void> {
  const { address } = server
  await waitUntil(`Temporal to answer on ${address}`, () => answers(address, namespaces), server.process, 60_000)
}

async function answers(address: string, namespaces: readonly string[]): Promise<boolean> {
  const connection = Connection.lazy({ address, interceptors: [] })
  try {
    await connection.withDeadline(Date.now() + 2000, () =>
      Promise.all(namespaces.map((namespace) => connection.workflowService.describeNamespace({ namespace }))),
    )
    return true
  } catch {
    return false
  } finally {
    await connection.close()
  }
}
