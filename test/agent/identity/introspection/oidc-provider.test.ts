import { generateKeyPairSync, X509Certificate } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { JWK } from 'oidc-provider'
import { createIntrospectionScheme, type IntrospectionScheme } from '../../../../agent/identity/introspection/scheme.ts'
import { makeCertificates, type TestCertificates } from '../support/https-server.ts'
import { FakeClock, memoryLog, until } from '../support/provider.ts'
import { EDGE_SECRET, type OpaqueProvider, startOpaqueProvider } from './opaque-provider.ts'
import { settingsOf } from './support.ts'

// A certified provider and its own opaque tokens, metadata, client authentication and revocation.
const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const clientKey = { ...publicKey.export({ format: 'jwk' }), kid: 'edge-1', use: 'sig', alg: 'ES256' } as JWK
const basic = { id: 'edge-basic', secret: EDGE_SECRET }

let provider: OpaqueProvider
let folder: string
const schemes: IntrospectionScheme[] = []

beforeAll(async () => {
  provider = await startOpaqueProvider({ clientKey })
  folder = await mkdtemp(join(tmpdir(), 'introspection-'))
  await writeFile(join(folder, 'key.pem'), privateKey.export({ type: 'pkcs8', format: 'pem' }))
  await writeFile(join(folder, 'secret'), `${EDGE_SECRET}\n`)
})
afterEach(() => {
  for (const scheme of schemes.splice(0)) scheme.close()
})
afterAll(async () => {
  await provider[Symbol.asyncDispose]()
  await rm(folder, { recursive: true })
})

async function start(client: object, changes: object = {}, monotonicMs = new FakeClock().now) {
  const raw = { kind: 'introspection', issuer: provider.issuer, audience: 'orders-api', client, ...changes }
  const log = memoryLog()
  const scheme = createIntrospectionScheme('corp', settingsOf(raw), { now: Date.now, monotonicMs, log })
  schemes.push(scheme)
  scheme.start()
  await until(() => scheme.ready())
  return scheme
}

async function outcome(scheme: IntrospectionScheme, token: string): Promise<string> {
  const result = await scheme.authenticate(token)
  return result.ok ? 'ok' : result.reason
}

describe('a real provider', () => {
  it('is found by its metadata, and tells who a token is', async () => {
    const scheme = await start(basic)
    const { access } = await provider.userTokens('alice')
    const result = await scheme.authenticate(access)
    expect(result).toMatchObject({
      ok: true,
      identity: {
        provider: 'corp',
        method: 'introspection',
        issuer: provider.issuer,
        subject: 'alice',
        scopes: ['orders:read'],
        claims: { client_id: 'shop', aud: 'orders-api', token_type: 'Bearer' },
      },
    })
    expect(scheme.authenticate(access)).toBe(result)
  })

  it('names the client where there is no user, if agent.yaml says that it is the subject', async () => {
    const token = await provider.clientToken()
    expect(await outcome(await start(basic), token)).toBe('claim_missing')
    const result = await (await start(basic, { claims: { subject: 'client_id' } })).authenticate(token)
    expect(result).toMatchObject({ ok: true, identity: { subject: 'shop', tenant: 'acme' } })
  })

  it('says of its refresh tokens that they are active: they are refused nevertheless', async () => {
    const { refresh } = await provider.userTokens('alice')
    expect(await outcome(await start(basic), refresh)).toBe('typ_mismatch')
  })

  it('knows nothing of a made-up token', async () => {
    expect(await outcome(await start(basic), 'made-up')).toBe('inactive')
  })

  it('revokes a token, which is seen when what is remembered is too old', async () => {
    const monotonic = new FakeClock()
    const scheme = await start(basic, { cache: { active: '30s' } }, monotonic.now)
    const { access } = await provider.userTokens('alice')
    expect(await outcome(scheme, access)).toBe('ok')
    await provider.revoke(access)
    const before = provider.introspections()
    monotonic.advance(29_999)
    expect(await outcome(scheme, access)).toBe('ok')
    expect(provider.introspections()).toBe(before)
    monotonic.advance(1)
    expect(await outcome(scheme, access)).toBe('inactive')
  })

  it.each<[string, () => object]>([
    ['client_secret_basic', () => ({ ...basic, secret: { file: join(folder, 'secret') } })],
    ['client_secret_post', () => ({ method: 'client_secret_post', id: 'edge-post', secret: EDGE_SECRET })],
    ['private_key_jwt', () => ({ method: 'private_key_jwt', id: 'edge-jwt', keyFile: join(folder, 'key.pem') })],
    [
      'private_key_jwt with a key id',
      () => ({ method: 'private_key_jwt', id: 'edge-jwt', keyFile: join(folder, 'key.pem'), keyId: 'edge-1' }),
    ],
  ])('knows us by %s', async (_method, client) => {
    const { access } = await provider.userTokens('alice')
    const scheme = await start(client())
    expect(await outcome(scheme, access)).toBe('ok')
    expect(await outcome(scheme, (await provider.userTokens('bob')).access)).toBe('ok')
  })

  it('refuses us with a wrong secret: that is our trouble, not the token’s', async () => {
    const scheme = await start({ ...basic, secret: 'wrong' })
    expect(await outcome(scheme, (await provider.userTokens('alice')).access)).toBe('introspection_unavailable')
    expect(scheme.status()).toMatchObject({ lastError: 'HTTP 401' })
  })

  it('answers in plain JSON also where it could sign: RFC 9701 is not asked for', async () => {
    const scheme = await start({ id: 'edge-signed', secret: EDGE_SECRET })
    expect(await outcome(scheme, (await provider.userTokens('alice')).access)).toBe('ok')
  })
})

describe('a real provider with TLS', () => {
  let certificates: TestCertificates
  let secure: OpaqueProvider

  beforeAll(async () => {
    certificates = await makeCertificates()
    const { edge } = certificates
    const certificate = new X509Certificate(edge)
    const x5c = [certificate.raw.toString('base64')]
    const key = { ...certificate.publicKey.export({ format: 'jwk' }), x5c, use: 'sig' } as JWK
    secure = await startOpaqueProvider({ clientKey, tls: { cert: edge, key: edge, clientKey: key } })
    await writeFile(join(folder, 'edge.pem'), edge)
  })
  afterAll(async () => {
    await secure[Symbol.asyncDispose]()
    await certificates[Symbol.asyncDispose]()
  })

  it('knows us by our certificate', async () => {
    const file = join(folder, 'edge.pem')
    const client = { method: 'tls_client_auth', id: 'edge-tls', certFile: file, keyFile: file }
    const scheme = await start(client, { issuer: secure.issuer, caFile: certificates.caFile })
    expect(await outcome(scheme, (await secure.userTokens('alice')).access)).toBe('ok')
  })

  it('is not asked when nobody we trust has signed its certificate', async () => {
    const endpoint = `${secure.issuer}/token/introspection`
    const scheme = await start(basic, { issuer: secure.issuer, endpoint })
    expect(await outcome(scheme, 'any')).toBe('introspection_unavailable')
    expect(secure.introspections()).toBe(1)
  })
})

it('a provider that is down is unavailable, and found when it is back', async () => {
  const lost = await startOpaqueProvider({ clientKey })
  const monotonic = new FakeClock()
  const scheme = await start(basic, { issuer: lost.issuer }, monotonic.now)
  const { access } = await lost.userTokens('alice')
  lost.server.closeAllConnections()
  const { port } = lost.server.address() as { port: number }
  await new Promise<void>((resolve) => lost.server.close(() => resolve()))
  expect(await outcome(scheme, access)).toBe('introspection_unavailable')
  expect(scheme.status()).toMatchObject({ lastError: 'connection failed (ECONNREFUSED)' })
  await new Promise<void>((resolve) => lost.server.listen(port, 'localhost', resolve))
  monotonic.advance(1000)
  expect(await outcome(scheme, access)).toBe('ok')
  await lost[Symbol.asyncDispose]()
})
