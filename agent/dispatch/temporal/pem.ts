import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { Secret } from '../../secrets/secret.ts'

/** What a PEM file with certificates holds. */
export interface CertificateFile {
  readonly pem: string
  /** The first certificate. */
  readonly leaf: X509Certificate
  /** Milliseconds since the epoch at which the first of them ends: a chain is worth no more than its shortest link. */
  readonly expiresAt: number
}

/** What a PEM file with a private key holds. */
export interface KeyFile {
  readonly pem: Secret
  readonly key: KeyObject
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g
const BEGIN = /-----BEGIN CERTIFICATE-----/g

/**
 * All certificates of a file, in their order.
 * @throws {Error} when there is none, or one that is not whole
 */
export function certificatesOf(pem: string): CertificateFile {
  const blocks = pem.match(CERTIFICATE) ?? []
  // A file that is being written ends in the middle of one.
  if (blocks.length !== (pem.match(BEGIN) ?? []).length) throw new Error('a certificate in it is not whole')
  const all = blocks.map((block) => parsed(() => new X509Certificate(block), 'a certificate in it cannot be read'))
  const [leaf] = all
  if (leaf === undefined) throw new Error('no certificate in PEM form')
  return { pem, leaf, expiresAt: Math.min(...all.map((each) => each.validToDate.getTime())) }
}

/** @throws {Error} when there is no key that can be used without a passphrase */
export function privateKeyOf(pem: string): KeyFile {
  if (/ENCRYPTED/.test(pem)) throw new Error('a private key with a passphrase; keys are taken without one')
  return { pem: new Secret(pem), key: parsed(() => createPrivateKey(pem), 'no private key in PEM form') }
}

/** OpenSSL's own words would puzzle, and might quote. */
function parsed<T>(parse: () => T, problem: string): T {
  try {
    return parse()
  } catch {
    throw new Error(problem)
  }
}
