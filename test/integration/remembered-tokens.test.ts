import { Agent } from 'node:http'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { testKey } from '../agent/identity/support/tokens.ts'
import { type ClockedEdge, startClockedEdge } from '../support/clocked-edge.ts'
import { inParallel } from '../support/edge.ts'
import { type ClockedIssuer, startIssuer } from './support/clocked-issuer.ts'

// Section X of the attack list, and what clocks have to do with tokens. HAProxy has no part in it, so one version of it
// stands for all. X4 and X5 need more than a token: mtls.test.ts, identity-around.test.ts; X7 is in key-sets.test.ts.
const key = testKey('ES256', 'one')
const stranger = testKey('ES256', 'one')
const SECOND = 1000
const HOUR = 3600 * SECOND

describe('tokens that are remembered, through HAProxy 3.0', () => {
  let edge: ClockedEdge
  beforeAll(async () => {
    edge = await startClockedEdge('3.0')
  })
  afterAll(() => edge?.stop())

  /** What each of the requests ends in, one after the other. */
  async function outcomes(requests: readonly (readonly [path: string, token: string])[]): Promise<unknown[]> {
    const seen: unknown[] = []
    for (const [path, token] of requests) seen.push((await edge.outcome(path, token)).join(' '))
    return seen
  }

  it.each([
    ['X1', 'with iat', (issuer: ClockedIssuer) => issuer.token(key)],
    ['X2', 'without iat', (issuer: ClockedIssuer) => issuer.token(key, { iat: undefined })],
  ])('%s: a token %s ends while it is remembered, to the millisecond', async (_id, _what, make) => {
    await using issuer = await startIssuer(edge, [key.jwk])
    const token = make(issuer)
    // No token is remembered for more than five minutes: this one is met at the end of its life.
    edge.pass(600 * SECOND)
    expect(await edge.outcome('/api', token)).toEqual([200, 'ok'])
    edge.pass(60 * SECOND - 1)
    expect(await edge.outcome('/api', token)).toEqual([200, 'ok'])
    expect(issuer.auth.counters.cache).toMatchObject({ hits: 1, misses: 1 })
    edge.pass(1)
    const told = await edge.ask('/api', token)
    expect(told).toMatchObject({ status: 401, reason: 'expired' })
    expect(told.challenge).toMatch(/^Bearer realm="haproxy-temporal", error="invalid_token"/)
    expect(await edge.outcome('/api', token)).toEqual([401, 'expired'])
  })

  it('X3: a token is judged afresh for another audience and for another route', async () => {
    await using issuer = await startIssuer(edge, [key.jwk], {
      more: (url) => ({
        providers: `    billing: { issuer: "${url}", audience: billing-api }\n`,
        rules: `  - { name: billing, match: { path: /billing }, identity: { require: billing } }
  - { name: read, match: { path: /read }, identity: { require: corp, scopes: ["orders:read"] } }
  - { name: write, match: { path: /write }, identity: { require: corp, scopes: ["orders:write"] } }
`,
      }),
    })
    const orders = issuer.token(key, { scope: 'orders:read' })
    const billing = issuer.token(key, { aud: 'billing-api' })
    const both = issuer.token(key, { aud: ['billing-api', 'orders-api'] })
    for (let i = 0; i < 2; i++) {
      expect(
        await outcomes([
          ['/api', orders],
          ['/billing', orders],
          ['/read', orders],
          ['/write', orders],
          ['/billing', billing],
          ['/api', billing],
          ['/billing', both],
          ['/api', both],
        ]),
      ).toEqual([
        '200 ok',
        '401 audience_mismatch',
        '200 ok',
        '403 insufficient_scope',
        '200 ok',
        '401 audience_mismatch',
        '200 ok',
        '200 ok',
      ])
    }
  })

  it('X6: what is spelled alike when it is put together shares nothing', async () => {
    await using issuer = await startIssuer(edge, [key.jwk], {
      // "corp" and "orders-api", "cor" and "porders-api".
      more: (url) => ({
        providers: `    cor: { issuer: "${url}", audience: porders-api }\n`,
        rules: '  - { name: cor, match: { path: /cor }, identity: { require: cor } }\n',
      }),
    })
    const [ours, theirs] = [issuer.token(key), issuer.token(key, { aud: 'porders-api' })]
    for (let i = 0; i < 2; i++) {
      expect(
        await outcomes([
          ['/api', ours],
          ['/cor', ours],
          ['/cor', theirs],
          ['/api', theirs],
        ]),
      ).toEqual(['200 ok', '401 audience_mismatch', '200 ok', '401 audience_mismatch'])
    }
    // The same characters, with a dot elsewhere.
    const moved = [/(.)\./, /\.(.)/, /(.)\.(?=[^.]*$)/, /\.(.)(?=[^.]*$)/].map((dot) =>
      ours.replace(dot, (found, character: string) => (found.startsWith('.') ? `${character}.` : `.${character}`)),
    )
    expect(new Set([ours, ...moved]).size).toBe(5)
    expect(await outcomes(moved.map((token) => ['/api', token]))).toEqual(moved.map(() => '400 malformed_token'))
  })

  it('X8: many distinct tokens, good and bad, are judged all and remembered as far as the bounds go', async () => {
    const cacheLimits = { maxEntries: 40, maxNegativeEntries: 20 }
    await using issuer = await startIssuer(edge, [key.jwk], { cacheLimits })
    const connections = new Agent({ keepAlive: true, maxSockets: 20 })
    const answers = await inParallel(400, 20, async (i) => {
      const { status, reason } = await edge.ask('/api', issuer.token(i % 2 === 0 ? key : stranger, { jti: `${i}` }), {
        connections,
      })
      return `${status} ${reason}`
    })
    connections.destroy()
    expect(answers).toEqual(answers.map((_, i) => (i % 2 === 0 ? '200 ok' : '401 signature_invalid')))
    expect(issuer.auth.counters.cache).toMatchObject({ entries: 40, negativeEntries: 20, evictions: 160 })
  })

  it('C8, C9: nbf and iat may lie as far ahead as clocks may differ, and a second more is too much', async () => {
    await using issuer = await startIssuer(edge, [key.jwk])
    const ahead = (claim: string, by: number): string => issuer.token(key, { [claim]: edge.clock.seconds + by })
    expect(
      await outcomes([
        ['/api', ahead('nbf', 60)],
        ['/api', ahead('nbf', 61)],
        ['/api', ahead('iat', 60)],
        ['/api', ahead('iat', 61)],
      ]),
    ).toEqual(['200 ok', '401 not_yet_valid', '200 ok', '401 issued_in_future'])
  })

  it.each([-24 * HOUR, 24 * HOUR])(
    'J14: a jump of the clock by %i ms makes keys neither older nor younger',
    async (jump) => {
      await using issuer = await startIssuer(edge, [key.jwk])
      edge.clock.advance(jump)
      expect(await edge.outcome('/api', issuer.token(key))).toEqual([200, 'ok'])
      edge.monotonic.advance(600 * SECOND + HOUR)
      expect(await edge.outcome('/api', issuer.token(key, { jti: 'new' }))).toEqual([200, 'ok'])
      edge.monotonic.advance(1)
      expect(await edge.outcome('/api', issuer.token(key))).toEqual([503, 'keys_unavailable'])
    },
  )

  it('J14: a jump of the clock leaves nothing remembered that it makes untrue', async () => {
    await using issuer = await startIssuer(edge, [key.jwk])
    const token = issuer.token(key, { nbf: edge.clock.seconds })
    expect(await edge.outcome('/api', token)).toEqual([200, 'ok'])
    edge.clock.advance(24 * HOUR)
    expect(await edge.outcome('/api', token)).toEqual([401, 'expired'])
    edge.clock.advance(-24 * HOUR)
    expect(await edge.outcome('/api', token)).toEqual([200, 'ok'])
    edge.clock.advance(-HOUR)
    expect(await edge.outcome('/api', token)).toEqual([401, 'not_yet_valid'])
    expect(issuer.auth.counters.cache).toMatchObject({ entries: 0, flushes: 2 })
  })
})
