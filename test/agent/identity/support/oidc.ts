import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import Provider, { type JWKS } from 'oidc-provider'

export interface OidcOptions {
  /** Private signing keys as JWK; the provider publishes their public halves. */
  readonly jwks: JWKS
  /** Port to come back on after a rotation; free by default. */
  readonly port?: number
  /** JWS algorithm of access tokens. */
  readonly alg?: 'RS256' | 'PS256' | 'ES256' | 'EdDSA'
  /** Claims added to every access token. */
  readonly claims?: Record<string, unknown>
}

/** A certified OpenID provider that gives RFC 9068 access tokens by client_credentials. */
export interface OidcProvider {
  readonly issuer: string
  readonly port: number
  /** A fresh access token for the API `orders-api`. */
  token(scope?: string): Promise<string>
  [Symbol.asyncDispose](): Promise<void>
}

const CLIENT = { client_id: 'shop', client_secret: 'test-only' }

/** Starts the provider on loopback. */
export async function startOidcProvider(options: OidcOptions): Promise<OidcProvider> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(options.port ?? 0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const issuer = `http://127.0.0.1:${port}`
  const alg = options.alg ?? 'RS256'
  const provider = new Provider(issuer, {
    jwks: options.jwks,
    clients: [
      {
        ...CLIENT,
        grant_types: ['client_credentials'],
        redirect_uris: [],
        response_types: [],
        id_token_signed_response_alg: alg,
      },
    ],
    scopes: ['orders:read', 'orders:write'],
    ttl: { ClientCredentials: 600 },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => 'urn:orders',
        useGrantedResource: () => true,
        getResourceServerInfo: () => ({
          scope: 'orders:read orders:write',
          audience: 'orders-api',
          accessTokenFormat: 'jwt',
          jwt: { sign: { alg } },
        }),
      },
    },
    extraTokenClaims: () => options.claims ?? {},
  })
  const handle = provider.callback()
  server.on('request', (request, response) => void handle(request, response))
  return {
    issuer,
    port,
    async token(scope = 'orders:read') {
      const body = new URLSearchParams({ grant_type: 'client_credentials', scope, ...CLIENT })
      const basic = Buffer.from(`${CLIENT.client_id}:${CLIENT.client_secret}`).toString('base64')
      body.delete('client_secret')
      const response = await fetch(`${issuer}/token`, {
        method: 'POST',
        headers: { authorization: `Basic ${basic}` },
        body,
      })
      const answer = (await response.json()) as { access_token?: string }
      if (answer.access_token === undefined) throw new Error(`no token: ${JSON.stringify(answer)}`)
      return answer.access_token
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}
