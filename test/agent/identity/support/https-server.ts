import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import type { RequestListener } from 'node:http'
import { createServer, type ServerOptions } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ensureCertificates } from '../../../../agent/dev/certificates.ts'

/** Certificates of an authority that only this test trusts. */
export interface TestCertificates {
  readonly ca: string
  readonly caFile: string
  /** Certificate for localhost and its key, good for servers and clients. */
  readonly edge: string
  [Symbol.asyncDispose](): Promise<void>
}

export async function makeCertificates(): Promise<TestCertificates> {
  const directory = await mkdtemp(join(tmpdir(), 'identity-'))
  const files = await ensureCertificates(directory)
  return {
    ca: readFileSync(files.ca, 'utf8'),
    caFile: files.ca,
    edge: readFileSync(files.edge, 'utf8'),
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true }),
  }
}

export interface HttpsServer {
  readonly url: URL
  [Symbol.asyncDispose](): Promise<void>
}

/** Starts an HTTPS server on a free port of localhost. */
export async function startHttpsServer(
  edge: string,
  answer: RequestListener,
  more: ServerOptions = {},
): Promise<HttpsServer> {
  const server = createServer({ cert: edge, key: edge, ...more }, answer)
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve))
  return {
    url: new URL(`https://localhost:${(server.address() as AddressInfo).port}/`),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}
