import { createServer } from 'node:http'
import Provider, { type JWKS, type ResourceServer } from 'oidc-provider'
import { closeServer, listen } from '../../../support/local-server.ts'

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

/** The one API that the tokens of a provider are for, whatever its clients ask for. */
export function ordersApi(tokens: Pick<ResourceServer, 'accessTokenFormat' | 'jwt'>) {
  return {
    enabled: true,
    defaultResource: () => 'urn:orders',
    useGrantedResource: () => true,
    getResourceServerInfo: (): ResourceServer => ({
      scope: 'orders:read orders:write',
      audience: 'orders-api',
      ...tokens,
    }),
  }
}

const CLIENT = { client_id: 'shop', client_secret: 'test-only' }

/** Starts the provider on loopback. */
export async function startOidcProvider(options: OidcOptions): Promise<OidcProvider> {
  const server = createServer()
  const port = await listen(server, '127.0.0.1', options.port)
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
      resourceIndicators: ordersApi({ accessTokenFormat: 'jwt', jwt: { sign: { alg } } }),
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
    [Symbol.asyncDispose]: () => closeServer(server),
  }
}
