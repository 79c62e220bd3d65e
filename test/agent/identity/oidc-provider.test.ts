import { generateKeyPairSync } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { JWK } from 'oidc-provider'
import { createAuthenticator, type Authenticator } from '../../../agent/identity/authenticator.ts'
import type { KeyLimits } from '../../../agent/identity/refresh-times.ts'
import { ask } from './support/evidence.ts'
import { startOidcProvider, type OidcProvider } from './support/oidc.ts'
import { memoryLog, provider, until } from './support/provider.ts'
import { outcome } from './support/setup.ts'

// A certified provider, its discovery, its key set and its RFC 9068 tokens: nothing here is of our making.
function privateKey(kid: string, alg: 'RS256' | 'PS256' | 'ES256' | 'EdDSA'): JWK {
  const { privateKey: key } =
    alg === 'EdDSA'
      ? generateKeyPairSync('ed25519')
      : alg === 'ES256'
        ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
        : generateKeyPairSync('rsa', { modulusLength: 2048 })
  return { ...key.export({ format: 'jwk' }), kid, alg, use: 'sig' } as JWK
}

/** Milliseconds: a provider that allows no caching, and an agent that obeys at once. */
const refreshingAlways = { minRefreshMs: 20, maxRefreshMs: 50 }

const claims = { tenant: 'acme', roles: ['buyer'], plan: 'gold' }
let idp: OidcProvider
let auth: Authenticator

function authenticator(issuer: string, limits: Partial<KeyLimits> = {}): Authenticator {
  const made = createAuthenticator([provider(issuer, { typ: ['at+jwt'] })], {
    log: memoryLog(),
    keyLimits: { minBackoffMs: 10, maxBackoffMs: 50, ...limits },
  })
  made.start()
  return made
}

beforeAll(async () => {
  vi.spyOn(console, 'warn').mockImplementation(() => {}) // its in-memory adapter is what a test wants
  idp = await startOidcProvider({ jwks: { keys: [privateKey('r1', 'RS256')] }, claims })
  auth = authenticator(idp.issuer)
  await until(() => auth.ready())
})
afterAll(async () => {
  auth.close()
  await idp[Symbol.asyncDispose]()
})

describe('a real OpenID provider', () => {
  it('gives tokens that name the caller', async () => {
    const token = `Bearer ${await idp.token('orders:read orders:write')}`
    const result = await ask(auth, token, 1, ['corp'])
    expect(result).toMatchObject({
      ok: true,
      identity: {
        provider: 'corp',
        issuer: idp.issuer,
        subject: 'shop',
        tenant: 'acme',
        roles: ['buyer'],
        scopes: ['orders:read', 'orders:write'],
      },
    })
    expect(result.ok && result.identity.claims['plan']).toBe('gold')
    expect(ask(auth, token, 1, ['corp'])).toBe(result)
  })

  it.each(['PS256', 'ES256', 'EdDSA'] as const)('signs with %s as well', async (alg) => {
    await using other = await startOidcProvider({ jwks: { keys: [privateKey('k', alg)] }, alg })
    const its = authenticator(other.issuer)
    await until(() => its.ready())
    expect(await outcome(ask(its, `Bearer ${await other.token()}`, 1, ['corp']))).toBe('ok')
    its.close()
  })

  it('may rotate its keys: new tokens pass at once, old ones fail once their key is gone', async () => {
    const first = await startOidcProvider({ jwks: { keys: [privateKey('old', 'RS256')] } })
    const its = authenticator(first.issuer)
    await until(() => its.ready())
    const old = `Bearer ${await first.token()}`
    expect(await outcome(ask(its, old, 1, ['corp']))).toBe('ok')
    await first[Symbol.asyncDispose]()
    await using second = await startOidcProvider({ jwks: { keys: [privateKey('new', 'RS256')] }, port: first.port })
    expect(await outcome(ask(its, `Bearer ${await second.token()}`, 1, ['corp']))).toBe('ok')
    expect(await outcome(ask(its, old, 1, ['corp']))).toBe('unknown_key')
    its.close()
  })

  it('(J12) may take a key away: a remembered token fails although nobody asked for another key', async () => {
    const first = await startOidcProvider({ jwks: { keys: [privateKey('old', 'ES256')] }, alg: 'ES256' })
    const its = authenticator(first.issuer, refreshingAlways)
    await until(() => its.ready())
    const old = `Bearer ${await first.token()}`
    expect(await outcome(ask(its, old, 1, ['corp']))).toBe('ok')
    expect(ask(its, old, 1, ['corp'])).not.toBeInstanceOf(Promise) // remembered
    await first[Symbol.asyncDispose]()
    await using second = await startOidcProvider({
      jwks: { keys: [privateKey('new', 'ES256')] },
      port: first.port,
      alg: 'ES256',
    })
    await expect.poll(() => outcome(ask(its, old, 1, ['corp']))).toBe('unknown_key')
    expect(await outcome(ask(its, `Bearer ${await second.token()}`, 1, ['corp']))).toBe('ok')
    its.close()
  })

  it('(J13) may put another key under the same kid: old tokens fail, new ones pass', async () => {
    const first = await startOidcProvider({ jwks: { keys: [privateKey('same', 'ES256')] }, alg: 'ES256' })
    const its = authenticator(first.issuer, refreshingAlways)
    await until(() => its.ready())
    const old = `Bearer ${await first.token()}`
    expect(await outcome(ask(its, old, 1, ['corp']))).toBe('ok')
    await first[Symbol.asyncDispose]()
    await using second = await startOidcProvider({
      jwks: { keys: [privateKey('same', 'ES256')] },
      port: first.port,
      alg: 'ES256',
    })
    await expect.poll(() => outcome(ask(its, old, 1, ['corp']))).toBe('signature_invalid')
    expect(await outcome(ask(its, `Bearer ${await second.token()}`, 1, ['corp']))).toBe('ok')
    its.close()
  })

  it('may publish the new key beside the old one: tokens of both pass', async () => {
    const [old, fresh] = [privateKey('old', 'ES256'), privateKey('new', 'ES256')]
    const first = await startOidcProvider({ jwks: { keys: [old] }, alg: 'ES256' })
    const its = authenticator(first.issuer)
    await until(() => its.ready())
    const token = `Bearer ${await first.token()}`
    await first[Symbol.asyncDispose]()
    await using second = await startOidcProvider({ jwks: { keys: [fresh, old] }, port: first.port, alg: 'ES256' })
    expect(await outcome(ask(its, `Bearer ${await second.token()}`, 1, ['corp']))).toBe('ok')
    expect(await outcome(ask(its, token, 1, ['corp']))).toBe('ok')
    its.close()
  })

  it('may go away: its tokens stay good', async () => {
    const other = await startOidcProvider({ jwks: { keys: [privateKey('k', 'ES256')] }, alg: 'ES256' })
    const its = authenticator(other.issuer)
    await until(() => its.ready())
    const tokens = [await other.token(), await other.token()]
    await other[Symbol.asyncDispose]()
    for (const token of tokens) expect(await outcome(ask(its, `Bearer ${token}`, 1, ['corp']))).toBe('ok')
    its.close()
  })
})
