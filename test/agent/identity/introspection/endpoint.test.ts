import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { DiscoveredEndpoint, introspectionEndpointOf } from '../../../../agent/identity/introspection/endpoint.ts'
import { type JwksServer, json, startJwksServer, text } from '../support/jwks-server.ts'
import { memoryLog, until } from '../support/provider.ts'

const issuer = 'https://id.example.com/tenant'
const endpoint = 'https://id.example.com/introspect'

describe('metadata', () => {
  it('names the endpoint, one of its own for client certificates', () => {
    const aliases = { introspection_endpoint: 'https://id.example.com/mtls/introspect' }
    const document = { issuer, introspection_endpoint: endpoint, mtls_endpoint_aliases: aliases }
    expect(introspectionEndpointOf(document, issuer, false).href).toBe(endpoint)
    expect(introspectionEndpointOf(document, issuer, true).href).toBe(aliases.introspection_endpoint)
    expect(introspectionEndpointOf({ issuer, introspection_endpoint: endpoint }, issuer, true).href).toBe(endpoint)
  })

  it.each([
    ['no object', []],
    ['another issuer', { issuer: 'https://evil.example', introspection_endpoint: endpoint }],
    ['no endpoint', { issuer }],
    ['an endpoint without TLS', { issuer, introspection_endpoint: 'http://id.example.com/introspect' }],
    ['an endpoint at another host', { issuer, introspection_endpoint: 'https://evil.example/introspect' }],
    ['an endpoint with credentials', { issuer, introspection_endpoint: 'https://u:p@id.example.com/introspect' }],
    ['an endpoint that is no text', { issuer, introspection_endpoint: [endpoint] }],
  ])('is not trusted with %s', (_what, document) => {
    expect(() => introspectionEndpointOf(document, issuer, false)).toThrow(/metadata|introspection_endpoint/)
  })
})

describe('finding it', () => {
  let server: JwksServer
  let found: DiscoveredEndpoint
  let log: ReturnType<typeof memoryLog>
  beforeEach(async () => {
    server = await startJwksServer()
    log = memoryLog()
    found = new DiscoveredEndpoint({
      provider: 'corp',
      issuer: server.issuer,
      mutualTls: false,
      log,
      fetchOptions: () => ({ timeoutMs: 1000, maxBytes: 10_000 }),
      minBackoffMs: 10,
    })
  })
  afterEach(async () => {
    found.close()
    await server[Symbol.asyncDispose]()
  })
  const document = (): object => ({
    issuer: server.issuer,
    introspection_endpoint: `${server.issuer}/introspect`,
  })

  it('goes on until the issuer tells', async () => {
    server.answer('/.well-known/openid-configuration', text('', 503))
    await found.start()
    expect([found.url, found.lastError]).toEqual([undefined, 'HTTP 503'])
    server.answer('/.well-known/openid-configuration', json(document()))
    await until(() => found.url !== undefined)
    expect([found.url?.pathname, found.lastError]).toEqual(['/introspect', undefined])
    expect(log.lines.at(-1)).toContain('found')
  })

  it('looks at the place of plain OAuth servers too', async () => {
    server.answer('/.well-known/openid-configuration', text('', 404))
    server.answer('/.well-known/oauth-authorization-server', json(document()))
    await found.start()
    expect(found.url?.pathname).toBe('/introspect')
  })

  it('ends when closed', async () => {
    server.answer('/.well-known/openid-configuration', text('', 503))
    await found.start()
    found.close()
    const asked = server.requests.length
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(server.requests).toHaveLength(asked)
  })
})
