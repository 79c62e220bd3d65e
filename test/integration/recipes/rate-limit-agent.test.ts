import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type EdgeResponse, reasonOf } from '../../../agent/dev/request.ts'
import { bearer, HAPROXY_VERSIONS } from '../../support/edge.ts'
import { type Recipe, startRecipe } from '../../support/recipes.ts'

describe.each(HAPROXY_VERSIONS)('the recipe of limits in the agent on HAProxy %s', (version) => {
  let edge: Recipe

  beforeAll(async () => {
    edge = await startRecipe(version, 'rate-limit-agent')
  })
  afterAll(async () => edge?.stop())

  const get = async (path: string, client: string): Promise<EdgeResponse> =>
    edge.send({ method: 'GET', path, headers: bearer(await edge.identity.token(client)) })
  /** Status and what is left, of so many requests. */
  const spent = async (count: number, path: string, client: string): Promise<[number, unknown][]> => {
    const seen: [number, unknown][] = []
    for (let i = 0; i < count; i++) {
      const { status, headers } = await get(path, client)
      seen.push([status, headers['ratelimit-remaining']])
    }
    return seen
  }

  it('a bucket allows its burst, says what is left, and then when to come again', async () => {
    expect(await spent(5, '/search/x', 'buyer')).toEqual(['4', '3', '2', '1', '0'].map((left) => [200, left]))
    const refused = await get('/search/x', 'buyer')
    expect([refused.status, reasonOf(refused)]).toEqual([429, 'rate_limited'])
    expect(refused.headers['ratelimit-remaining']).toBe('0')
    const wait = Number(refused.headers['retry-after'])
    expect(wait).toBeGreaterThan(0)
    expect(wait).toBeLessThanOrEqual(60)
    expect((await get('/search/x', 'viewer')).status).toBe(200)
  })

  it('a window counts for the whole tenant', async () => {
    expect(await spent(2, '/export/x', 'buyer')).toEqual([
      [200, '2'],
      [200, '1'],
    ])
    expect(await spent(2, '/export/x', 'admin')).toEqual([
      [200, '0'],
      [429, '0'],
    ])
    expect((await get('/export/x', 'buyer')).status).toBe(429)
    expect((await get('/export/x', 'viewer')).status).toBe(200)
  })

  it('of two limits the strictest decides and tells what is left', async () => {
    const seen = await spent(7, '/api/x', 'buyer')
    expect(seen).toEqual([...['5', '4', '3', '2', '1', '0'].map((left) => [200, left]), [429, '0']])
  })

  it('who is not known yet is counted by address; a request that is refused for another reason costs nothing', async () => {
    const login = (): Promise<EdgeResponse> => edge.send({ method: 'POST', path: '/login' })
    const anonymous = await edge.send({ method: 'GET', path: '/search/x' })
    expect([anonymous.status, anonymous.headers['ratelimit-remaining']]).toEqual([401, undefined])
    const seen: number[] = []
    for (let i = 0; i < 5; i++) seen.push((await login()).status)
    expect(seen).toEqual([200, 200, 200, 200, 429])
  })
})
