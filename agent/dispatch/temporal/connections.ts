import type { EndpointOptions, Log, TemporalOptions } from '../protocol.ts'
import type { TemporalCalls } from './calls.ts'
import { RotatingConnection, type RotationTimes } from './rotating.ts'
import type { ConnectionStatus } from './status.ts'

export type { ConnectionStatus, TemporalCalls }

/** Name of the connection of all namespaces without an endpoint of their own; no namespace can be called so. */
const DEFAULT = '(default)'

/** Ways to Temporal, by namespace. */
export interface Connections {
  /** Calls for a namespace; undefined: the default one. Cheap. What is asked for is the connection: requests name theirs. */
  of(namespace: string | undefined): TemporalCalls
  status(): readonly ConnectionStatus[]
  /** Gives up all calls in flight, which reject with CANCELLED, and resolves when all connections are closed. */
  close(): Promise<void>
}

export interface ConnectionsOptions extends RotationTimes {
  readonly temporal: TemporalOptions
  readonly log: Log
  /** Told how all connections are, whenever that has changed. */
  readonly onStatus?: (status: readonly ConnectionStatus[]) => void
}

/**
 * Opens the ways to Temporal that the options name. Nothing is dialled before the first call, and a Temporal that is away
 * or files that cannot be read are no error: calls reject until that is mended.
 */
export function openConnections({ temporal, log, onStatus, ...times }: ConnectionsOptions): Connections {
  const all: RotatingConnection[] = []
  const status = (): readonly ConnectionStatus[] => all.map((connection) => connection.status())
  let opened = false
  const changed = (): void => {
    if (opened) onStatus?.(status())
  }
  const open = (name: string, endpoint: EndpointOptions, namespace: string): RotatingConnection => {
    const connection = new RotatingConnection({ ...times, name, endpoint, namespace, log, changed })
    all.push(connection)
    return connection
  }
  const others = open(DEFAULT, temporal, temporal.namespace)
  const byNamespace = new Map<string, RotatingConnection>()
  for (const [namespace, endpoint] of Object.entries(temporal.namespaces ?? {})) {
    const own = open(namespace, endpoint, namespace)
    own.serves(namespace)
    byNamespace.set(namespace, own)
  }
  const of = (namespace = temporal.namespace): TemporalCalls => {
    let connection = byNamespace.get(namespace)
    if (connection === undefined) {
      connection = others
      connection.serves(namespace)
      byNamespace.set(namespace, connection)
    }
    return connection.calls
  }
  of(undefined)
  opened = true
  changed()
  return {
    of,
    status,
    async close() {
      await Promise.all(all.map((connection) => connection.close()))
    },
  }
}
