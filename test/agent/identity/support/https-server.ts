import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import type { RequestListener } from 'node:http'
import { createServer, type ServerOptions } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ensureCertificates } from '../../../../agent/dev/certificates.ts'
import { closeServer, listen } from '../../../support/local-server.ts'

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
  return {
    url: new URL(`https://localhost:${await listen(server, 'localhost')}/`),
    [Symbol.asyncDispose]: () => closeServer(server),
  }
}
