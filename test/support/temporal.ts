import { reservePort } from '../../agent/dev/ports.ts'
import { startTemporal, temporalReady, type TemporalServer } from '../../agent/dev/temporal.ts'
import { findTemporal } from '../../agent/dev/tools.ts'
import { newFolder, removeFolder } from './folder.ts'

/** A real Temporal dev server on a port of its own. It ends with this process at the latest. */
export interface TestTemporal {
  readonly address: string
  readonly port: number
  /** Starts it, or starts it again on the same port with the same database, and waits until it answers. */
  start(): Promise<void>
  /** Ends it and waits until it is gone; no effect while it does not run. */
  stop(): Promise<void>
}

/**
 * A server that is not started yet.
 * @param folder holds its database, so that it knows what it knew when it comes back
 */
export async function testTemporal(folder: string, port?: number): Promise<TestTemporal> {
  const own = port ?? (await reservePort())
  let server: TemporalServer | undefined
  return {
    address: `127.0.0.1:${own}`,
    port: own,
    async start() {
      server = startTemporal({ binary: findTemporal(), port: own, folder })
      await temporalReady(server)
    },
    async stop() {
      await server?.process.stop()
      server = undefined
    },
  }
}

/** A server that runs, with a database of its own that goes with it. */
export async function startTestTemporal(port?: number): Promise<TestTemporal> {
  const folder = newFolder()
  const server = await testTemporal(folder, port)
  const stop = async (): Promise<void> => {
    await server.stop()
    removeFolder(folder)
  }
  try {
    await server.start()
  } catch (error) {
    await stop()
    throw error
  }
  return { ...server, stop }
}
