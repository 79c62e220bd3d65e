import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { EdgeResponse } from '../../../agent/dev/request.ts'
import { bearer, HAPROXY_VERSIONS } from '../../support/edge.ts'
import { type Recipe, startRecipe } from '../../support/recipes.ts'

describe.each(HAPROXY_VERSIONS)('the recipe of refusals on HAProxy %s', (version) => {
  let edge: Recipe

  beforeAll(async () => {
    edge = await startRecipe(version, 'refusals')
  })
  afterAll(async () => edge?.stop())

  const get = (path: string, headers: Record<string, string> = {}): Promise<EdgeResponse> =>
    edge.send({ method: 'GET', path, headers })

  it.each([
    ['/api/orders', 400, 'Bad Request', 'Say which version you mean: "?version=2".'],
    ['/api/partners/1?version=2', 401, 'Unauthorized', 'Refused.'],
    ['/api/beta/1?version=2', 403, 'Forbidden', 'The beta is for those who send "X-Beta".'],
    [
      '/api/v1/orders?version=2',
      404,
      'Not Found',
      'Version 1 was switched off; see C:\\docs or https://example.com/v2 – äöü.',
    ],
    ['/api/export?version=2', 429, 'Too Many Requests', 'Exports are made at night.'],
    ['/api/reports/1?version=2', 503, 'Service Unavailable', 'Back in a minute.'],
  ])('%s is refused with %d and the message of its rule', async (path, status, title, detail) => {
    const response = await get(path)
    expect(response.status).toBe(status)
    expect(response.headers['content-type']).toBe('application/problem+json')
    expect(JSON.parse(response.body)).toEqual({
      title,
      status,
      detail,
      reason: 'policy_denied',
      request: response.requestId,
    })
    expect(response.headers['retry-after']).toBe(status === 429 || status === 503 ? '1' : undefined)
  })

  it('who shows nothing is told how to, and who may not what he lacks', async () => {
    const nothing = await get('/api/orders?version=2')
    expect(JSON.parse(nothing.body)).toMatchObject({ status: 401, reason: 'no_credentials' })
    expect(nothing.headers['www-authenticate']).toMatch(/^Bearer realm="[^"]+"/)
    const read = await edge.identity.token('viewer', { scope: 'orders:read' })
    const lacking = await get('/api/orders?version=2', bearer(read))
    expect(JSON.parse(lacking.body)).toMatchObject({ status: 403, reason: 'insufficient_scope' })
    expect(lacking.headers['www-authenticate']).toMatch(/error="insufficient_scope".* scope="orders:write"/)
    expect(JSON.parse(lacking.body)).toHaveProperty('detail', 'Ask the owner of the API for the scope orders:write.')
  })

  it('a header that is empty is not sent', async () => {
    for (const path of ['/api/orders', '/api/partners/1?version=2', '/api/beta/1?version=2']) {
      expect((await get(path)).headers).not.toHaveProperty('www-authenticate')
    }
  })

  it('what no rule refuses goes on, and what no rule matches has no message', async () => {
    const token = await edge.identity.token('buyer', { scope: 'orders:write' })
    expect((await get('/api/beta/1?version=2', { ...bearer(token), 'x-beta': '1' })).status).toBe(200)
    expect(JSON.parse((await get('/')).body)).toMatchObject({ detail: 'Refused.', reason: 'default_denied' })
  })
})
