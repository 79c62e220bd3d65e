import { X509Certificate } from 'node:crypto'
import { freezeJson, type JsonObject } from '../plain-json.ts'
import { twinX5tOf } from './twin.ts'
import { alternativeNames, commonNames, distinguishedName, type AlternativeNames } from './names.ts'

/** What a certificate says, read once. */
export interface ParsedCertificate {
  readonly x509: X509Certificate
  readonly names: AlternativeNames
  readonly commonNames: readonly string[]
  /** RFC 4514. */
  readonly subjectDn: string
  /** RFC 4514. */
  readonly issuerDn: string
  /** Hexadecimal, capitals. */
  readonly serial: string
  /** Seconds since the epoch. */
  readonly notBefore: number
  /** Seconds since the epoch. */
  readonly notAfter: number
  /** Whether it may sign other certificates: then it is nobody's identity. */
  readonly isAuthority: boolean
  /** Base64url of SHA-256 of the DER: `x5t#S256` of RFC 8705 section 3.1. */
  readonly x5t: string
  /** The same of the certificate under its authority's other signature; undefined without one. See `twinCertificate`. */
  readonly twinX5t: string | undefined
}

/**
 * Reads a certificate in DER.
 * @param x5t its digest, see {@link ParsedCertificate.x5t}
 * @returns undefined when it is anything else, or its names cannot be told apart
 */
export function parseCertificate(der: Uint8Array, x5t: string): ParsedCertificate | undefined {
  try {
    const x509 = new X509Certificate(der)
    // X509Certificate takes PEM too, and does not mind what follows: the digest would be of other bytes.
    if (!x509.raw.equals(der)) return undefined
    const names = alternativeNames(x509.subjectAltName)
    const notBefore = x509.validFromDate.getTime() / 1000
    const notAfter = x509.validToDate.getTime() / 1000
    if (names === undefined || Number.isNaN(notBefore) || Number.isNaN(notAfter)) return undefined
    return {
      x509,
      names,
      commonNames: commonNames(x509.subject),
      subjectDn: distinguishedName(x509.subject),
      issuerDn: distinguishedName(x509.issuer),
      serial: x509.serialNumber,
      notBefore,
      notAfter,
      isAuthority: x509.ca,
      x5t,
      twinX5t: twinX5tOf(x509.raw),
    }
  } catch {
    return undefined // OpenSSL cannot read it
  }
}

/** What rules and workflows see of a certificate as `identity.claims`. A name it lacks is absent. */
export function claimsOf(certificate: ParsedCertificate): Readonly<JsonObject> {
  const { names, commonNames: cn } = certificate
  return freezeJson({
    ...(names.uri.length > 0 && { san_uri: [...names.uri] }),
    ...(names.dns.length > 0 && { san_dns: [...names.dns] }),
    ...(names.email.length > 0 && { san_email: [...names.email] }),
    // Of two common names neither is the certificate's.
    ...(cn.length === 1 && { cn: cn[0] }),
    subject_dn: certificate.subjectDn,
    issuer_dn: certificate.issuerDn,
    serial: certificate.serial,
    not_before: certificate.notBefore,
    not_after: certificate.notAfter,
    x5t: certificate.x5t,
  })
}
