import type { NativeConnectionOptions } from '@temporalio/worker'
import type { CredentialSource } from './credential-source.ts'
import type { Credentials } from './credentials.ts'

type Shown = Pick<NativeConnectionOptions, 'tls' | 'apiKey'>

/** What a source holds, as the SDK's connection of a worker takes it; the same object until the source has something new. */
export function workerCredentials(source: CredentialSource): () => Shown | undefined {
  let last: { readonly of: Credentials; readonly shown: Shown } | undefined
  return () => {
    const { current } = source
    if (current !== undefined && current !== last?.of) last = { of: current, shown: shownOf(current) }
    return last?.shown
  }
}

function shownOf({ tls, apiKey }: Credentials): Shown {
  return { tls: tls && tlsOf(tls), ...(apiKey !== undefined && { apiKey: apiKey.reveal() }) }
}

function tlsOf({ ca, pair, serverName }: Exclude<Credentials['tls'], false>): NonNullable<Shown['tls']> {
  return {
    ...(ca !== undefined && { serverRootCACertificate: Buffer.from(ca) }),
    ...(pair !== undefined && { clientCertPair: { crt: Buffer.from(pair.cert), key: Buffer.from(pair.key.reveal()) } }),
    ...(serverName !== undefined && { serverNameOverride: serverName }),
  }
}
