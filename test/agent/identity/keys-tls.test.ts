import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { KeyManager, type ProviderStatus } from '../../../agent/identity/keys.ts'
import { selfSigned } from '../dispatch/support/certificate.ts'
import { memoryLog } from './support/provider.ts'
import { testKey } from './support/tokens.ts'

// A provider inside the house, whose certificate no public authority has signed.
const key = testKey('ES256')
let server: ReturnType<typeof createServer>
let directory: string
let caFile: string
let issuer: string

beforeAll(async () => {
  const certificate = await selfSigned()
  directory = await mkdtemp(join(tmpdir(), 'identity-'))
  caFile = join(directory, 'ca.pem')
  await writeFile(caFile, certificate.cert)
  server = createServer(certificate, (_request, response) => void response.end(JSON.stringify({ keys: [key.jwk] })))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  issuer = `https://localhost:${(server.address() as AddressInfo).port}`
})

afterAll(async () => {
  server.closeAllConnections()
  await new Promise<void>((resolve) => server.close(() => resolve()))
  await rm(directory, { recursive: true })
})

async function fetched(origin: string, trust: { caFile?: string }): Promise<ProviderStatus> {
  const config = { name: 'corp', issuer: origin, jwksUri: `${origin}/jwks`, ...trust }
  const keys = new KeyManager(config, { log: memoryLog() })
  await keys.refresh()
  keys.close()
  return keys.status()
}

describe('an endpoint with a certificate of a private authority', () => {
  it('is refused by default', async () => {
    expect(await fetched(issuer, {})).toMatchObject({
      keys: 0,
      lastError: 'connection failed (DEPTH_ZERO_SELF_SIGNED_CERT)',
    })
  })

  it('is trusted with its caFile', async () => {
    expect(await fetched(issuer, { caFile })).toMatchObject({ keys: 1 })
  })

  it('is still refused under another name than its certificate has', async () => {
    expect(await fetched(issuer.replace('localhost', '127.0.0.1'), { caFile })).toMatchObject({
      keys: 0,
      lastError: 'connection failed (ERR_TLS_CERT_ALTNAME_INVALID)',
    })
  })
})
