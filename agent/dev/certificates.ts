import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { webcrypto, X509Certificate } from 'node:crypto'
import { join } from 'node:path'
// @peculiar/x509 builds on tsyringe, which wants this polyfill loaded first.
import 'reflect-metadata'
import * as x509 from '@peculiar/x509'

export interface CertificateFiles {
  /** Certificate of the authority, for `curl --cacert`. */
  readonly ca: string
  /** Server certificate and key in one file, as HAProxy's `crt` wants it. */
  readonly edge: string
}

const DAY_MS = 86_400_000
const LIFETIME_DAYS = 90
/** A certificate this close to its end is made anew. */
const RENEW_DAYS = 7

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }

/** Certificates for localhost, made on the first run and kept in `folder`. Not for production: the key is a plain file. */
export async function ensureCertificates(folder: string): Promise<CertificateFiles> {
  const files = { ca: join(folder, 'ca.pem'), edge: join(folder, 'edge.pem') }
  if (usable(files)) return files
  x509.cryptoProvider.set(webcrypto)
  const notBefore = new Date(Date.now() - DAY_MS)
  const notAfter = new Date(Date.now() + LIFETIME_DAYS * DAY_MS)
  const caKeys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])
  const ca = await x509.X509CertificateGenerator.createSelfSigned({
    name: 'CN=haproxy-temporal development CA',
    notBefore,
    notAfter,
    keys: caKeys,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
    ],
  })
  const edgeKeys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])
  const edge = await x509.X509CertificateGenerator.create({
    subject: 'CN=localhost',
    issuer: ca.subject,
    notBefore,
    notAfter,
    publicKey: edgeKeys.publicKey,
    signingKey: caKeys.privateKey,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new x509.BasicConstraintsExtension(false),
      // A client's too: HAProxy shows it to an agent that takes SPOP over TLS.
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth]),
      new x509.SubjectAlternativeNameExtension([
        { type: 'dns', value: 'localhost' },
        { type: 'ip', value: '127.0.0.1' },
        { type: 'ip', value: '::1' },
      ]),
    ],
  })
  const key = x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', edgeKeys.privateKey), 'PRIVATE KEY')
  mkdirSync(folder, { recursive: true })
  writeFileSync(files.ca, ca.toString('pem') + '\n')
  writeFileSync(files.edge, `${edge.toString('pem')}\n${key}\n`, { mode: 0o600 })
  return files
}

function usable(files: CertificateFiles): boolean {
  if (!existsSync(files.ca) || !existsSync(files.edge)) return false
  const edge = new X509Certificate(readFileSync(files.edge))
  const fresh = edge.validToDate.getTime() - Date.now() > RENEW_DAYS * DAY_MS
  return fresh && edge.verify(new X509Certificate(readFileSync(files.ca)).publicKey)
}
