import { createServer as createHttpServer, type Server } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import type { TLSSocket } from 'node:tls'
import Provider, { type JWK } from 'oidc-provider'
import { closeServer, listen } from '../../../support/local-server.ts'
import { ordersApi } from '../support/oidc.ts'

export interface OpaqueOptions {
  /** Public key of the client `edge-jwt`. */
  readonly clientKey: JWK
  /** Serves https with this certificate, and knows the client `edge-tls` by its own. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly clientKey: JWK }
}

/** A certified OpenID provider with opaque access tokens for the API `orders-api`. */
export interface OpaqueProvider {
  readonly issuer: string
  readonly server: Server
  /** Introspection requests so far. */
  introspections(): number
  /** A token of the client `shop` for itself. */
  clientToken(): Promise<string>
  /** A token, and the refresh token with it, of a user. */
  userTokens(accountId: string): Promise<{ readonly access: string; readonly refresh: string }>
  revoke(token: string): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

const SHOP = { client_id: 'shop', client_secret: 'test-only-shop' }
export const EDGE_SECRET = 'test-only+edge/%:'

export async function startOpaqueProvider(options: OpaqueOptions): Promise<OpaqueProvider> {
  const { tls } = options
  const server = (
    tls === undefined
      ? createHttpServer()
      : createHttpsServer({ cert: tls.cert, key: tls.key, requestCert: true, rejectUnauthorized: false })
  ) as Server
  const issuer = `${tls === undefined ? 'http' : 'https'}://localhost:${await listen(server, 'localhost')}`
  const edge = { grant_types: [], redirect_uris: [], response_types: [] }
  const provider = new Provider(issuer, {
    clients: [
      { ...SHOP, ...edge, grant_types: ['client_credentials', 'refresh_token'] },
      { ...edge, client_id: 'edge-basic', client_secret: EDGE_SECRET },
      { ...edge, client_id: 'edge-post', client_secret: EDGE_SECRET, token_endpoint_auth_method: 'client_secret_post' },
      {
        ...edge,
        client_id: 'edge-jwt',
        token_endpoint_auth_method: 'private_key_jwt',
        jwks: { keys: [options.clientKey] },
      },
      ...(tls === undefined
        ? []
        : [
            {
              ...edge,
              client_id: 'edge-tls',
              token_endpoint_auth_method: 'self_signed_tls_client_auth' as const,
              jwks: { keys: [tls.clientKey] },
            },
          ]),
      {
        ...edge,
        client_id: 'edge-signed',
        client_secret: EDGE_SECRET,
        introspection_signed_response_alg: 'RS256',
      },
    ],
    clientAuthMethods: [
      'client_secret_basic',
      'client_secret_post',
      'private_key_jwt',
      ...(tls === undefined ? [] : (['self_signed_tls_client_auth'] as const)),
    ],
    ttl: { ClientCredentials: 600, AccessToken: 600, RefreshToken: 600, Grant: 600 },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      introspection: { enabled: true, allowedPolicy: () => true },
      jwtIntrospection: { enabled: true },
      revocation: { enabled: true, allowedPolicy: () => true },
      mTLS: {
        enabled: tls !== undefined,
        selfSignedTlsClientAuth: true,
        getCertificate: (ctx) => (ctx.socket as TLSSocket).getPeerX509Certificate()?.toString(),
      },
      resourceIndicators: ordersApi({ accessTokenFormat: 'opaque' }),
    },
    extraTokenClaims: () => ({ tenant: 'acme' }),
  })
  let introspections = 0
  const handle = provider.callback()
  server.on('request', (request, response) => {
    if (request.url === '/token/introspection') introspections++
    void handle(request, response)
  })
  const client = await provider.Client.find('shop')
  if (client === undefined) throw new Error('no client')
  return {
    issuer,
    server,
    introspections: () => introspections,
    async clientToken() {
      const token = new provider.ClientCredentials({ client, scope: 'orders:read', aud: 'orders-api' } as never)
      Object.assign(token, { extra: { tenant: 'acme' } })
      return token.save()
    },
    async userTokens(accountId) {
      const grant = new provider.Grant({ accountId, clientId: 'shop' })
      grant.addResourceScope('urn:orders', 'orders:read')
      const grantId = await grant.save()
      const common = { accountId, client, grantId, scope: 'orders:read', gty: 'authorization_code' }
      const access = new provider.AccessToken({ ...common, aud: 'orders-api' } as never)
      const refresh = new provider.RefreshToken({ ...common, aud: 'orders-api' } as never)
      return { access: await access.save(), refresh: await refresh.save() }
    },
    async revoke(token) {
      const basic = Buffer.from(`${SHOP.client_id}:${SHOP.client_secret}`).toString('base64')
      const response = await fetch(`${issuer}/token/revocation`, {
        method: 'POST',
        headers: { authorization: `Basic ${basic}` },
        body: new URLSearchParams({ token }),
      })
      if (!response.ok) throw new Error(`not revoked: ${response.status}`)
    },
    [Symbol.asyncDispose]: () => closeServer(server),
  }
}
