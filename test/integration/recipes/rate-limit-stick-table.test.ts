import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { reservePort } from '../../../agent/dev/ports.ts'
import { type EdgeResponse, reasonOf } from '../../../agent/dev/request.ts'
import { bearer, HAPROXY_VERSIONS } from '../../support/edge.ts'
import { type Recipe, startRecipe } from '../../support/recipes.ts'

const RATE_LIMIT_KEY = 'test-only-key-of-callers'

async function spend(edge: Recipe, count: number, path: string, client: string, from = edge): Promise<number[]> {
  const token = await from.identity.token(client)
  const statuses: number[] = []
  for (let i = 0; i < count; i++) {
    statuses.push((await edge.send({ method: 'GET', path, headers: bearer(token) })).status)
  }
  return statuses
}

const times = (count: number, status: number): number[] => Array.from({ length: count }, () => status)

describe.each(HAPROXY_VERSIONS)('the recipe of stick tables on HAProxy %s', (version) => {
  let edge: Recipe

  beforeAll(async () => {
    edge = await startRecipe(version, 'rate-limit-stick-table', { env: { RATE_LIMIT_KEY } })
  })
  afterAll(async () => edge?.stop())

  it('a caller has what his plan gives him, with whatever token, and then the tenant has what is left', async () => {
    expect(await spend(edge, 20, '/api/x', 'buyer')).toEqual(times(20, 200))
    expect(await spend(edge, 11, '/api/x', 'buyer')).toEqual([...times(10, 200), 429])
    const token = await edge.identity.token('buyer')
    const refused: EdgeResponse = await edge.send({ method: 'GET', path: '/api/x', headers: bearer(token) })
    expect([reasonOf(refused), refused.headers['retry-after']]).toEqual(['rate_limited', '60'])
    // 32 of the 45 of the tenant are spent; 20 are what a rule without a quota gives.
    expect(await spend(edge, 14, '/orders/x', 'admin')).toEqual([...times(13, 200), 429])
  })

  it('another tenant is not concerned, and who is nobody is refused as ever', async () => {
    expect(await spend(edge, 11, '/api/x', 'viewer')).toEqual([...times(10, 200), 429])
    const statuses: number[] = []
    for (let i = 0; i < 25; i++) statuses.push((await edge.send({ method: 'GET', path: '/api/x' })).status)
    expect(statuses).toEqual(times(25, 401))
  })
})

describe.each(HAPROXY_VERSIONS)('two edges with the recipe of stick tables on HAProxy %s', (version) => {
  const edges: Recipe[] = []

  beforeAll(async () => {
    const peers = { EDGE1_PEER: `127.0.0.1:${await reservePort()}`, EDGE2_PEER: `127.0.0.1:${await reservePort()}` }
    for (const EDGE_NAME of ['edge1', 'edge2']) {
      const issuer = edges[0]?.identity.issuer
      edges.push(
        await startRecipe(version, 'rate-limit-stick-table', {
          variant: 'peers',
          env: { RATE_LIMIT_KEY, EDGE_NAME, ...peers, ...(issuer !== undefined && { OIDC_ISSUER: issuer }) },
        }),
      )
    }
  })
  afterAll(async () => {
    for (const edge of edges.toReversed()) await edge.stop()
  })

  it('what one has counted the other one knows', async () => {
    const [first, second] = edges
    if (first === undefined || second === undefined) throw new Error('there are two')
    // The last count that was told stands, so what the second tells when the two have just met may take the place of what
    // the first has counted: it counts again.
    const alone = await spend(first, 62, '/api/x', 'buyer')
    expect(alone.slice(0, 30)).toEqual(times(30, 200))
    expect(alone).toContain(429)
    // Its own count alone would reach the limit with the 31st only.
    const seen: number[] = []
    while (seen.length < 25 && !seen.includes(429)) {
      seen.push(...(await spend(second, 1, '/api/x', 'buyer', first)))
      await new Promise((resolve) => setTimeout(resolve, 300))
      await spend(first, 31, '/api/x', 'buyer')
    }
    expect(seen).toContain(429)
  })
})
