import { createHmac } from 'node:crypto'
import { Agent } from 'node:http'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { b64, rawToken, testKey } from '../agent/identity/support/tokens.ts'
import { type ClockedEdge, startClockedEdge } from '../support/clocked-edge.ts'
import { inParallel } from '../support/edge.ts'
import { type ClockedIssuer, COOLDOWN, startIssuer } from './support/clocked-issuer.ts'

// Sections J and K of the attack list: which of the published keys count, and for how long. HAProxy has no part in it, so
// one version of it stands for all.
const key = testKey('ES256', 'one')
const next = testKey('ES256', 'two')

describe('published keys, through HAProxy 3.0', () => {
  let edge: ClockedEdge
  beforeAll(async () => {
    edge = await startClockedEdge('3.0')
  })
  afterAll(() => edge?.stop())

  const withoutKid = (issuer: ClockedIssuer, by = key): string =>
    rawToken(by, JSON.stringify({ alg: by.alg }), JSON.stringify(issuer.claims({ jti: by.kid })))

  it('J8, J9, J10, J11: of a set with bad keys the good one counts, and no other', async () => {
    const [weak, leaked, encrypting] = [
      testKey('RS256', 'weak', 1024),
      testKey('ES256', 'leaked'),
      testKey('RS256', 'enc'),
    ]
    const secret = 'a-secret-of-32-bytes-and-no-less'
    const published = [
      'no key at all',
      { kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA', kid: 'broken' },
      weak.jwk,
      { ...leaked.privateKey.export({ format: 'jwk' }), kid: 'leaked', alg: 'ES256', use: 'sig' },
      { kty: 'oct', k: b64(secret), kid: 'shared', alg: 'HS256' },
      { ...encrypting.jwk, use: 'enc' },
      key.jwk,
    ] as object[]
    await using issuer = await startIssuer(edge, published)
    const input = `${b64('{"alg":"HS256","kid":"shared"}')}.${b64(JSON.stringify(issuer.claims()))}`
    const shared = `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`
    const refused: readonly [what: string, token: string, reason: string][] = [
      ['J8: of an RSA key that is too short', issuer.token(weak), 'unknown_key'],
      ['J8: of the name of a key that is none', issuer.token(key, {}, { kid: 'broken' }), 'unknown_key'],
      ['J9: of a key whose private half is public', issuer.token(leaked), 'unknown_key'],
      ['J10: of a shared secret', shared, 'alg_not_allowed'],
      ['J10: of the name of a shared secret', issuer.token(key, {}, { kid: 'shared' }), 'unknown_key'],
      ['J11: of a key for encryption', issuer.token(encrypting), 'unknown_key'],
    ]
    const seen: unknown[] = []
    for (const [what, token] of refused) seen.push([what, ...(await edge.outcome('/api', token))])
    expect(seen).toEqual(refused.map(([what, , reason]) => [what, 401, reason]))
    expect(await edge.outcome('/api', issuer.token(key))).toEqual([200, 'ok'])
    expect(issuer.auth.status()).toMatchObject([{ keys: 1 }])
  })

  it('J12: a key that is taken back ends the tokens that it has signed, those that are remembered too', async () => {
    await using issuer = await startIssuer(edge, [key.jwk, next.jwk])
    const token = issuer.token(key)
    for (let i = 0; i < 2; i++) expect(await edge.outcome('/api', token)).toEqual([200, 'ok'])
    issuer.server.publish([next.jwk])
    await issuer.fetchNow()
    expect(await edge.outcome('/api', token)).toEqual([401, 'unknown_key'])
    expect(await edge.outcome('/api', issuer.token(next))).toEqual([200, 'ok'])
  })

  it('J13, X7: of another key under the same kid old tokens fail and new ones pass, though both were met before', async () => {
    await using issuer = await startIssuer(edge, [key.jwk])
    const [old, fresh] = [issuer.token(key), issuer.token(next, {}, { kid: 'one' })]
    for (let i = 0; i < 2; i++) {
      expect(await edge.outcome('/api', old)).toEqual([200, 'ok'])
      expect(await edge.outcome('/api', fresh)).toEqual([401, 'signature_invalid'])
    }
    issuer.server.publish([{ ...next.jwk, kid: 'one' }])
    await issuer.fetchNow()
    expect(await edge.outcome('/api', old)).toEqual([401, 'signature_invalid'])
    expect(await edge.outcome('/api', fresh)).toEqual([200, 'ok'])
  })

  it('X7: a token that was refused for its key passes as soon as the key is there', async () => {
    await using issuer = await startIssuer(edge, [key.jwk])
    const token = issuer.token(next)
    for (let i = 0; i < 3; i++) expect(await edge.outcome('/api', token)).toEqual([401, 'unknown_key'])
    issuer.server.publish([key.jwk, next.jwk])
    // Within the cool-down nobody asks, whoever sends what.
    expect(await edge.outcome('/api', token)).toEqual([401, 'unknown_key'])
    edge.monotonic.advance(COOLDOWN)
    expect(await edge.outcome('/api', token)).toEqual([200, 'ok'])
  })

  it('K1, K2: a token without kid is tried with each key that fits, three at most', async () => {
    const many = ['a', 'b', 'c', 'd'].map((kid) => testKey('ES256', kid))
    {
      await using issuer = await startIssuer(edge, [key.jwk, testKey('RS256', 'rsa').jwk])
      expect(await edge.outcome('/api', withoutKid(issuer))).toEqual([200, 'ok'])
      expect(await edge.outcome('/api', withoutKid(issuer, next))).toEqual([401, 'signature_invalid'])
    }
    await using issuer = await startIssuer(
      edge,
      many.map(({ jwk }) => jwk),
    )
    const seen: unknown[] = []
    for (const each of many) seen.push(await edge.outcome('/api', withoutKid(issuer, each)))
    expect(seen).toEqual([
      [200, 'ok'],
      [200, 'ok'],
      [200, 'ok'],
      [401, 'signature_invalid'],
    ])
  })

  it('K11: 1000 random kids make one fetch for each cool-down, and valid tokens are served meanwhile', async () => {
    await using issuer = await startIssuer(edge, [key.jwk])
    const connections = new Agent({ keepAlive: true, maxSockets: 20 })
    const flood = (from: number): Promise<string[]> =>
      inParallel(600, 20, async (i) => {
        const valid = i % 10 === 0
        const token = valid
          ? issuer.token(key, { jti: `${from + i}` })
          : issuer.token(next, {}, { kid: `random-${from + i}-${Math.random()}` })
        const { status, reason } = await edge.ask('/api', token, { connections })
        return `${status} ${reason}`
      })
    const expected = Array.from({ length: 600 }, (_, i) => (i % 10 === 0 ? '200 ok' : '401 unknown_key'))
    const before = issuer.server.requests.length
    expect(await flood(0)).toEqual(expected)
    expect(issuer.server.requests.slice(before)).toEqual(['/jwks'])
    edge.monotonic.advance(COOLDOWN)
    expect(await flood(600)).toEqual(expected)
    expect(issuer.server.requests.slice(before)).toEqual(['/jwks', '/jwks'])
    connections.destroy()
  })
})
