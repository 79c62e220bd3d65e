import { X509Certificate, type webcrypto } from 'node:crypto'
// A dependency of x509 looks for it when it loads.
import 'reflect-metadata'
import * as x509 from '@peculiar/x509'

const ALGORITHM: KeyAlgorithm = { name: 'ECDSA', namedCurve: 'P-256' }

/** What a key is made by. */
export type KeyAlgorithm = webcrypto.EcKeyGenParams | webcrypto.RsaHashedKeyGenParams
const HOUR_MS = 3_600_000

export interface ClientCertificate {
  readonly certificate: x509.X509Certificate
  readonly keys: webcrypto.CryptoKeyPair
  readonly cert: string
  readonly key: string
  readonly der: Buffer
}

export interface ClientOptions {
  readonly issuer?: ClientCertificate
  /** RFC 4514 text, or what {@link rawName} makes. */
  readonly name?: string | x509.Name
  /** `[['url', 'spiffe://…'], …]`. */
  readonly names?: readonly (readonly [x509.GeneralNameType, string])[]
  readonly notBefore?: Date
  readonly notAfter?: Date
  readonly serialNumber?: string
  readonly authority?: boolean
  /** Of its own key; P-256 without it. */
  readonly algorithm?: KeyAlgorithm
}

/** A client's certificate of the given authority; without one it vouches for itself. */
export async function clientCertificate(options: ClientOptions = {}): Promise<ClientCertificate> {
  const { issuer, name = 'CN=client', algorithm = ALGORITHM } = options
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const signingKey = issuer?.keys.privateKey ?? keys.privateKey
  const certificate = await x509.X509CertificateGenerator.create({
    subject: name,
    issuer: issuer?.certificate.subjectName ?? name,
    publicKey: keys.publicKey,
    signingKey,
    signingAlgorithm: { ...signingKey.algorithm, hash: 'SHA-256' },
    notBefore: options.notBefore ?? new Date(Date.now() - HOUR_MS),
    notAfter: options.notAfter ?? new Date(Date.now() + HOUR_MS),
    ...(options.serialNumber !== undefined && { serialNumber: options.serialNumber }),
    extensions: [
      new x509.BasicConstraintsExtension(options.authority ?? false, undefined, true),
      ...(options.names === undefined
        ? []
        : [new x509.SubjectAlternativeNameExtension(options.names.map(([type, value]) => ({ type, value })))]),
    ],
  })
  const pkcs8 = Buffer.from(await crypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64')
  const key = `-----BEGIN PRIVATE KEY-----\n${pkcs8}\n-----END PRIVATE KEY-----\n`
  const cert = `${certificate.toString('pem')}\n`
  return { certificate, keys, cert, key, der: new X509Certificate(cert).raw }
}

const ATTRIBUTES: Readonly<Record<string, readonly number[]>> = {
  CN: [0x55, 4, 3],
  O: [0x55, 4, 10],
  OU: [0x55, 4, 11],
}

/** A distinguished name whose values go into it byte by byte: libraries escape or refuse what an attacker would not. */
export function rawName(...parts: readonly Readonly<Record<string, string>>[]): x509.Name {
  const sets = parts.map((part) =>
    der(0x31, ...Object.entries(part).map(([name, value]) => attribute(ATTRIBUTES[name] ?? [], value))),
  )
  return new x509.Name(new Uint8Array(der(0x30, ...sets)))
}

function attribute(oid: readonly number[], value: string): Buffer {
  return der(0x30, der(0x06, Buffer.from(oid)), der(0x0c, Buffer.from(value)))
}

/** Tag, length (up to 64 KiB), contents. */
function der(tag: number, ...contents: readonly Buffer[]): Buffer {
  const body = Buffer.concat(contents)
  const length = body.length < 0x80 ? [body.length] : [0x82, body.length >> 8, body.length & 0xff]
  return Buffer.concat([Buffer.from([tag, ...length]), body])
}

export function certificateAuthority(name = 'CN=Test CA', algorithm?: KeyAlgorithm): Promise<ClientCertificate> {
  return clientCertificate({ name, authority: true, ...(algorithm !== undefined && { algorithm }) })
}
