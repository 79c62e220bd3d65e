// @peculiar/x509 builds on tsyringe, which wants this polyfill loaded first.
import 'reflect-metadata'
import { webcrypto } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as x509 from '@peculiar/x509'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { KeyManager } from '../../../agent/identity/keys.ts'
import { memoryLog, provider } from './support/provider.ts'
import { testKey } from './support/tokens.ts'

// A provider inside the house, whose certificate no public authority has signed.
const key = testKey('ES256')
let server: ReturnType<typeof createServer>
let directory: string
let issuer: string

beforeAll(async () => {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: '01',
    name: 'CN=localhost',
    notBefore: new Date(Date.now() - 60_000),
    notAfter: new Date(Date.now() + 3_600_000),
    signingAlgorithm: algorithm,
    keys,
    extensions: [new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: 'localhost' }])],
  })
  const privateKey = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64')
  directory = await mkdtemp(join(tmpdir(), 'identity-'))
  await writeFile(join(directory, 'ca.pem'), certificate.toString('pem'))
  server = createServer(
    { cert: certificate.toString('pem'), key: `-----BEGIN PRIVATE KEY-----\n${privateKey}\n-----END PRIVATE KEY-----` },
    (_request, response) => {
      response.end(JSON.stringify({ keys: [key.jwk] }))
    },
  )
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve))
  issuer = `https://localhost:${(server.address() as AddressInfo).port}`
})

afterAll(async () => {
  server.closeAllConnections()
  await new Promise<void>((resolve) => server.close(() => resolve()))
  await rm(directory, { recursive: true })
})

describe('an endpoint with a certificate of a private authority', () => {
  it('is refused by default', async () => {
    const keys = new KeyManager(provider(issuer, { jwksUri: `${issuer}/jwks` }), { log: memoryLog() })
    await keys.refresh()
    keys.close()
    expect(keys.status()).toMatchObject({ keys: 0, lastError: 'connection failed (DEPTH_ZERO_SELF_SIGNED_CERT)' })
  })

  it('is trusted with its caFile', async () => {
    const keys = new KeyManager(provider(issuer, { jwksUri: `${issuer}/jwks`, caFile: join(directory, 'ca.pem') }), {
      log: memoryLog(),
    })
    await keys.refresh()
    keys.close()
    expect(keys.status()).toMatchObject({ keys: 1 })
  })

  it('is still refused under another name than its certificate has', async () => {
    const elsewhere = issuer.replace('localhost', '127.0.0.1')
    const keys = new KeyManager(
      provider(elsewhere, { jwksUri: `${elsewhere}/jwks`, caFile: join(directory, 'ca.pem') }),
      { log: memoryLog() },
    )
    await keys.refresh()
    keys.close()
    expect(keys.usable()).toBe(false)
  })
})
