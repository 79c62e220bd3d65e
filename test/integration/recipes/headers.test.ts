import { createHash } from 'node:crypto'
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { EdgeResponse } from '../../../agent/dev/request.ts'
import { bearer, HAPROXY_VERSIONS } from '../../support/edge.ts'
import { type Recipe, startRecipe } from '../../support/recipes.ts'

describe.each(HAPROXY_VERSIONS)('the recipe of headers on HAProxy %s', (version) => {
  let seen: IncomingHttpHeaders = {}
  let server: Server
  let edge: Recipe

  beforeAll(async () => {
    server = createServer((request, response) => {
      seen = request.headers
      response
        .writeHead(200, { 'x-identity-subject': 'leaked', 'x_identity.roles': 'leaked', x_plan: 'platinum' })
        .end()
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const APP_SERVER = `127.0.0.1:${(server.address() as AddressInfo).port}`
    edge = await startRecipe(version, 'headers', { env: { APP_SERVER } })
  })
  afterAll(async () => {
    await edge?.stop()
    server?.closeAllConnections()
    server?.close()
  })

  const get = async (client: string, headers: Record<string, string> = {}): Promise<EdgeResponse> => {
    const token = await edge.identity.token(client, { scope: 'orders:read' })
    return edge.send({ method: 'GET', path: '/api/v2/orders', headers: { ...headers, ...bearer(token) } })
  }
  const identityHeaders = (): Record<string, unknown> =>
    Object.fromEntries(Object.entries(seen).filter(([name]) => /^x.identity/.test(name)))

  it('the server learns who calls, and does not get the token', async () => {
    expect((await get('buyer')).status).toBe(200)
    const issuer = edge.identity.issuer
    expect(identityHeaders()).toEqual({
      'x-identity-subject': 'buyer',
      'x-identity-issuer': issuer,
      'x-identity-tenant': 'acme',
      'x-identity-roles': 'buyer',
      'x-identity-plan': 'gold',
      'x-identity-scopes': 'orders:read',
      'x-identity-caller': createHash('sha256').update(`${issuer} buyer`).digest('base64url'),
    })
    expect(seen).not.toHaveProperty('authorization')
  })

  it.each(['x-identity-plan', 'X_Identity_Plan', 'x.identity.plan', 'X-IDENTITY_PLAN', 'x~identity~plan'])(
    'a copy of the client goes, spelt %s',
    async (name) => {
      expect((await get('admin', { [name]: 'platinum' })).status).toBe(200)
      expect(Object.keys(identityHeaders())).not.toContain(name.toLowerCase())
      expect(JSON.stringify(seen)).not.toContain('platinum')
    },
  )

  it('the client learns what the agent found, and nothing that the server made up', async () => {
    const buyer = await get('buyer')
    expect(buyer.headers).toMatchObject({ 'x-plan': 'gold', 'x-api-version': 'v2' })
    const admin = await get('admin')
    expect(admin.headers).toHaveProperty('x-api-version', 'v2')
    for (const name of ['x-plan', 'x_plan', 'x-identity-subject', 'x_identity.roles']) {
      expect(admin.headers).not.toHaveProperty([name])
    }
  })
})
