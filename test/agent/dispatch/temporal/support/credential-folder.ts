import { KeyObject } from 'node:crypto'
import { renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
// A dependency of x509 looks for it when it loads.
import 'reflect-metadata'
import * as x509 from '@peculiar/x509'
import {
  certificateAuthority,
  type ClientCertificate,
  clientCertificate,
} from '../../../../support/client-certificates.ts'
import { tempFolder } from '../../../../support/folder.ts'
import type { ServerTls } from './tls-service.ts'

/** A certificate for `localhost` of that authority, and whose clients a server takes. */
export async function serverTls(issuer: ClientCertificate, clients: readonly ClientCertificate[]): Promise<ServerTls> {
  const { cert, key } = await clientCertificate({ issuer, name: 'CN=localhost', names: [['dns', 'localhost']] })
  return { cert, key, ca: clients.map((authority) => authority.cert).join('') }
}

/** Authorities of a server and of its clients, and the server's own certificate. */
export async function authorities() {
  const server = await certificateAuthority('CN=Server CA')
  const clients = await certificateAuthority('CN=Client CA')
  return { server, clients, tls: await serverTls(server, [clients]) }
}

/** Files of one client. Each is replaced by a rename, as whoever rotates them should do. */
export function credentialFolder() {
  const folder = tempFolder()
  const path = (name: string): string => join(folder, name)
  const write = (name: string, text: string): string => {
    writeFileSync(path(`.${name}`), text)
    renameSync(path(`.${name}`), path(name))
    return path(name)
  }
  return {
    path,
    write,
    remove: (name: string): void => rmSync(path(name)),
    writePair({ cert, key }: { readonly cert: string; readonly key: string }): void {
      write('cert.pem', cert)
      write('key.pem', key)
    },
    tls: {
      caFile: path('ca.pem'),
      certFile: path('cert.pem'),
      keyFile: path('key.pem'),
      serverName: 'localhost',
    },
  }
}

/** A certificate whose key is too short to be taken: RSA with 1,024 bits. */
export async function weakCertificate(): Promise<{ readonly cert: string; readonly key: string }> {
  const algorithm = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256', modulusLength: 1024 }
  const keys = await crypto.subtle.generateKey({ ...algorithm, publicExponent: new Uint8Array([1, 0, 1]) }, true, [
    'sign',
    'verify',
  ])
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: 'CN=weak',
    keys,
    signingAlgorithm: algorithm,
    notAfter: new Date(Date.now() + 3_600_000),
  })
  const key = KeyObject.from(keys.privateKey).export({ type: 'pkcs8', format: 'pem' })
  return { cert: `${certificate.toString('pem')}\n`, key: key.toString() }
}
