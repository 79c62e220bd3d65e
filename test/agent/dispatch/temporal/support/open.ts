import { onTestFinished } from 'vitest'
import type { EndpointOptions, TemporalOptions } from '../../../../../agent/dispatch/protocol.ts'
import {
  type Connections,
  type ConnectionsOptions,
  type ConnectionStatus,
  openConnections,
} from '../../../../../agent/dispatch/temporal/connections.ts'
import { clientCertificate, type ClientOptions } from '../../../../support/client-certificates.ts'
import { authorities, credentialFolder } from './credential-folder.ts'
import { recordedLog } from './recorded-log.ts'
import { type Answer, type SeenCall, tlsService } from './tls-service.ts'

/** Connections that look at their files all the time, and try again at once. They end with the test. */
export function open(temporal: Partial<TemporalOptions> & EndpointOptions, times: Partial<ConnectionsOptions> = {}) {
  const log = recordedLog()
  const told: (readonly ConnectionStatus[])[] = []
  const connections = openConnections({
    temporal: { namespace: 'edge', ...temporal },
    log,
    onStatus: (status) => told.push(status),
    deadlineMs: 30_000,
    pollMs: 10,
    retry: { base: 10, cap: 20 },
    ...times,
  })
  onTestFinished(() => connections.close())
  return { connections, log, told, calls: connections.of(undefined) }
}

/** The status of the default connection. */
export function own(connections: Connections): ConnectionStatus | undefined {
  return connections.status()[0]
}

/** What the clients of calls were called, in the order of their first calls. */
export function clientsOf(calls: readonly SeenCall[]): unknown[] {
  return [...new Set(calls.map((call) => call.client))]
}

/** A server that asks for certificates, and files of a client that it takes, called `first`. */
export async function mutualTls(answer?: (call: SeenCall) => Answer) {
  const trust = await authorities()
  const service = await tlsService(trust.tls, answer)
  const client = (name: string, over: ClientOptions = {}) =>
    clientCertificate({ issuer: trust.clients, name: `CN=${name}`, ...over })
  const files = credentialFolder()
  files.write('ca.pem', trust.server.cert)
  files.writePair(await client('first'))
  return { trust, service, files, client, endpoint: { address: service.address, tls: files.tls } }
}
