import { X509Certificate } from 'node:crypto'
import { WatchedFile } from '../../secrets/watched-file.ts'
import type { Log } from '../log.ts'

/** The certificates of a file in PEM, of which one must have issued a client's certificate itself. */
export type Authorities = readonly X509Certificate[]

const PEM = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g

/** @throws {Error} the file holds no certificate, or one that cannot be read */
export function parseAuthorities(text: string): Authorities {
  const found = text.match(PEM) ?? []
  if (found.length === 0) throw new Error('holds no certificate in PEM')
  return found.map((pem) => {
    try {
      return new X509Certificate(pem)
    } catch {
      throw new Error('holds a certificate that cannot be read')
    }
  })
}

export function watchAuthorities(path: string, log: Log): WatchedFile<Authorities> {
  return new WatchedFile({ path, parse: parseAuthorities, log })
}

/** Whether one of them issued the certificate: by name, by key identifier and by signature. */
export function issuedByOneOf(certificate: X509Certificate, authorities: Authorities): boolean {
  return authorities.some((authority) => {
    try {
      return authority.ca && certificate.checkIssued(authority) && certificate.verify(authority.publicKey)
    } catch {
      return false // a key that OpenSSL cannot use
    }
  })
}
