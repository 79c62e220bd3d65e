import { generateKeyPairSync } from 'node:crypto'
import { expect, test } from 'vitest'
import { certificatesOf, privateKeyOf } from '../../../../agent/dispatch/temporal/pem.ts'
import { clientCertificate } from '../../../support/client-certificates.ts'

test('a chain ends when the first of its certificates ends', async () => {
  const soon = new Date('2040-01-02T03:04:05Z')
  const later = await clientCertificate({ name: 'CN=leaf', notAfter: new Date('2041-01-01T00:00:00Z') })
  const intermediate = await clientCertificate({ name: 'CN=between', notAfter: soon })
  const { leaf, expiresAt } = certificatesOf(`${later.cert}\n${intermediate.cert}`)
  expect(leaf.subject).toBe('CN=leaf')
  expect(expiresAt).toBe(soon.getTime())
})

test('text around certificates is no matter', async () => {
  const { cert } = await clientCertificate()
  expect(certificatesOf(`subject: somebody\n${cert}\n# end\n`).leaf.subject).toBe('CN=client')
})

test('files that hold no whole certificate are told apart', async () => {
  const { cert, key } = await clientCertificate()
  expect(() => certificatesOf('')).toThrow('no certificate in PEM form')
  expect(() => certificatesOf(key)).toThrow('no certificate in PEM form')
  // Cut off while it is being written, after a first one that is whole.
  expect(() => certificatesOf(cert + cert.slice(0, 200))).toThrow('a certificate in it is not whole')
  expect(() => certificatesOf(cert.replace(/\n.{20}/, '\nAAAAAAAAAAAAAAAAAAAA'))).toThrow('cannot be read')
})

test('a key is kept secret, and one with a passphrase is refused', async () => {
  const { key, cert } = await clientCertificate()
  expect(String(privateKeyOf(key).pem)).toBe('[redacted]')
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const encrypted = privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' })
  expect(() => privateKeyOf(encrypted.toString())).toThrow('a private key with a passphrase')
  expect(() => privateKeyOf(cert)).toThrow('no private key in PEM form')
  expect(() => privateKeyOf(key.slice(0, 80))).toThrow('no private key in PEM form')
})
