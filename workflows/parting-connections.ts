import type { NativeConnection } from '@temporalio/worker'
import { probe } from './worker-health.ts'

/** Milliseconds for which polls may still wait on a connection that was left: each ends after one minute, if nothing fails. */
const PARTING = 5 * 60_000

/** Milliseconds between two looks at them. */
const LOOK = 5_000

/**
 * Connections that a running worker has left for a new one. Polls under way stay on the connection that they began on, and
 * the SDK's core repeats one that fails there, without end: when Temporal turns an old connection away, those polls never
 * come back, and whoever has no others gets no work any more.
 */
export class PartingConnections {
  readonly #left: { readonly connection: NativeConnection; readonly until: number }[] = []
  #lookAt = 0

  add(connection: NativeConnection): void {
    this.#left.push({ connection, until: performance.now() + PARTING })
  }

  /** Whether polls are stuck: an old connection is turned away, although the new one is welcome. Looks every few seconds. */
  async haveStuckPolls(current: NativeConnection | undefined, namespace: string): Promise<boolean> {
    const now = performance.now()
    if (now < this.#lookAt) return false
    while (this.#left[0] !== undefined && this.#left[0].until <= now) await this.#left.shift()?.connection.close()
    for (const { connection } of this.#left) {
      if (await isWelcome(connection, namespace)) continue
      if (current !== undefined && (await isWelcome(current, namespace))) return true
    }
    this.#lookAt = performance.now() + LOOK
    return false
  }

  async close(): Promise<void> {
    await Promise.all(this.#left.splice(0).map(({ connection }) => connection.close()))
  }
}

async function isWelcome(connection: NativeConnection, namespace: string): Promise<boolean> {
  try {
    await probe(connection, namespace)
    return true
  } catch {
    return false
  }
}
