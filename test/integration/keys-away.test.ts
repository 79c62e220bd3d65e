import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { hang, json, startJwksServer, text, type Answer } from '../agent/identity/support/jwks-server.ts'
import { until } from '../agent/identity/support/provider.ts'
import { testKey } from '../agent/identity/support/tokens.ts'
import { type ClockedEdge, startClockedEdge } from '../support/clocked-edge.ts'
import { inParallel } from '../support/edge.ts'
import { startIssuer } from './support/clocked-issuer.ts'

// Section J of the attack list: what clients see while the keys of an issuer cannot be had. Keys are the agent's business
// and HAProxy has no part in it, so one version of it stands for all. Whatever is down at the start: provider-away.test.ts.
const key = testKey('ES256', 'one')
const next = testKey('ES256', 'two')
const MINUTE = 60_000
const HOUR = 60 * MINUTE
/** A day, so that no token ends before its keys do. */
const long = (edge: ClockedEdge): object => ({ exp: edge.clock.seconds + 86_400 })

describe('an issuer whose keys cannot be had, through HAProxy 3.0', () => {
  let edge: ClockedEdge
  beforeAll(async () => {
    edge = await startClockedEdge('3.0')
  })
  afterAll(() => edge?.stop())

  it.each<[string, Answer]>([
    ['J1: hangs', hang],
    ['J2: answers 500', text('', 500)],
    ['J2: answers 503', text('', 503)],
    ['J3: redirects to plain http', text('', 302, { location: 'http://keys.example/jwks' })],
    ['J3: redirects to a metadata address', text('', 307, { location: 'http://169.254.169.254/latest/meta-data' })],
    ['J4: sends 10 MB', text('x'.repeat(10_000_000))],
    ['J5: sends invalid JSON', text('{"keys":[}')],
    ['J6: sends HTML with status 200', text('<html></html>', 200, { 'content-type': 'text/html' })],
    ['J7: sends "keys" that is no array', json({ keys: { one: key.jwk } })],
  ])('%s: known keys serve for an hour past their time, then it is 503 and no 401', async (_what, answer) => {
    const keyLimits = { minBackoffMs: MINUTE, ...(answer === hang && { timeoutMs: 1000 }) }
    await using issuer = await startIssuer(edge, [key.jwk], { keyLimits })
    const token = issuer.token(key, long(edge))
    issuer.server.answer('/jwks', answer)
    await issuer.fetchNow()
    expect(issuer.fetches()).toEqual({ ok: 1, failed: 1 })
    expect(await edge.outcome('/api', token)).toEqual([200, 'ok'])
    // Perhaps the issuer has that key by now: we cannot tell.
    expect(await edge.outcome('/api', issuer.token(next))).toEqual([503, 'keys_unavailable'])

    edge.monotonic.advance(10 * MINUTE - 30_000 + HOUR)
    expect(await edge.outcome('/api', token)).toEqual([200, 'ok'])
    expect(await edge.outcome('/api', issuer.token(key))).toEqual([200, 'ok'])
    edge.monotonic.advance(1)
    for (const each of [token, issuer.token(key, { jti: 'new' }), issuer.token(key, { exp: 1 })]) {
      const told = await edge.ask('/api', each)
      expect(told).toMatchObject({
        status: 503,
        reason: 'keys_unavailable',
        retryAfter: expect.stringMatching(/^\d+$/),
      })
      expect(told.challenge).toBeUndefined()
    }
  })

  it('J2: no request asks the endpoint again while it is left alone', async () => {
    await using issuer = await startIssuer(edge, [key.jwk], { keyLimits: { minBackoffMs: MINUTE } })
    issuer.server.answer('/jwks', text('', 503))
    await issuer.fetchNow()
    edge.monotonic.advance(2 * HOUR)
    const asked = issuer.server.requests.length
    const answers = await inParallel(50, 5, (i) => edge.outcome('/api', issuer.token(key, { jti: `${i}` })))
    expect(answers).toEqual(answers.map(() => [503, 'keys_unavailable']))
    expect(issuer.server.requests).toHaveLength(asked)
  })

  it('J3: a redirect is not followed: whom it names hears nothing', async () => {
    await using stranger = await startJwksServer()
    stranger.publish([next.jwk])
    const elsewhere = text('', 301, { location: `${stranger.issuer}/jwks` })
    const told = { lastError: 'HTTP 301: redirects are not followed' }
    {
      await using issuer = await startIssuer(edge, [key.jwk])
      issuer.server.answer('/jwks', elsewhere)
      await issuer.fetchNow()
      expect(issuer.auth.status()).toMatchObject([told])
      expect(await edge.outcome('/api', issuer.token(next))).toEqual([503, 'keys_unavailable'])
      expect(await edge.outcome('/api', issuer.token(key))).toEqual([200, 'ok'])
    }
    await using issuer = await startIssuer(edge, [key.jwk], {
      provider: ', required: false',
      prepare: (server) => server.answer('/.well-known/openid-configuration', elsewhere),
    })
    expect(await edge.outcome('/api', issuer.token(next))).toEqual([503, 'keys_unavailable'])
    expect(issuer.auth.status()).toMatchObject([told])
    expect(stranger.requests).toEqual([])
  })

  it('J16: an issuer that comes back is found without a restart, and the requests that waited make no storm', async () => {
    await using issuer = await startIssuer(edge, [key.jwk], { keyLimits: { minBackoffMs: 20, maxBackoffMs: 20 } })
    issuer.server.answer('/jwks', text('', 503))
    await issuer.fetchNow()
    edge.monotonic.advance(2 * HOUR)
    const all = (): Promise<unknown[]> =>
      inParallel(50, 10, (i) => edge.outcome('/api', issuer.token(key, { jti: `${i}` })))
    expect(await all()).toEqual(Array.from({ length: 50 }, () => [503, 'keys_unavailable']))
    issuer.server.publish([key.jwk])
    await until(() => issuer.auth.ready())
    const asked = issuer.server.requests.length
    expect(await all()).toEqual(Array.from({ length: 50 }, () => [200, 'ok']))
    expect(issuer.server.requests).toHaveLength(asked)
    expect(issuer.fetches().ok).toBe(2)
  })
})
