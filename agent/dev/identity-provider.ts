import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose'
import type { Configuration, Provider as OidcProvider } from 'oidc-provider'

/** A caller of the demo: an OAuth client that gets tokens by the client_credentials grant. */
export interface DemoClient {
  readonly id: string
  readonly secret: string
  /** Scopes it may ask for, separated by spaces. */
  readonly scope: string
  /** Claims of its tokens. */
  readonly claims: Readonly<Record<string, unknown>>
}

export const DEMO_CLIENTS: readonly DemoClient[] = [
  {
    id: 'buyer',
    secret: 'buyer-secret',
    scope: 'orders:read orders:write',
    claims: { tenant: 'acme', roles: ['buyer'], plan: 'gold' },
  },
  {
    id: 'viewer',
    secret: 'viewer-secret',
    scope: 'orders:read',
    claims: { tenant: 'globex', roles: ['viewer'], plan: 'free' },
  },
  {
    id: 'admin',
    secret: 'admin-secret',
    scope: 'orders:read orders:write',
    claims: { tenant: 'acme', roles: ['admin'] },
  },
]

/** Audience of the tokens that the shipped agent.yaml accepts. */
export const DEMO_AUDIENCE = 'orders-api'

export interface IdentityProvider {
  readonly issuer: string
  /** A token from the token endpoint, as a real client gets it. */
  token(client: string, options?: { scope?: string; audience?: string }): Promise<string>
  /** A token signed with the provider's own key that its endpoint would not give, such as one that has expired. */
  sign(claims: JWTPayload): Promise<string>
  /** The same, signed with a key that the provider never published. */
  forge(claims: JWTPayload): Promise<string>
  close(): Promise<void>
}

/** Lifetime of tokens, in seconds. */
const TOKEN_TTL_S = 3600

/** A real OpenID provider (oidc-provider) on loopback, for development and tests: its secrets are public. */
export async function startIdentityProvider(port: number): Promise<IdentityProvider> {
  const signing = await generateKeyPair('ES256', { extractable: true })
  const foreign = await generateKeyPair('ES256')
  const kid = `demo-${Date.now().toString(36)}`
  const header = { alg: 'ES256', typ: 'at+jwt', kid }
  const server = createServer()
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const provider = await createProvider(issuer, {
    ...(await exportJWK(signing.privateKey)),
    kid,
    alg: 'ES256',
    use: 'sig',
  })
  const handle = provider.callback()
  server.on('request', (request, response) => void handle(request, response))

  const signWith = (
    key: Awaited<ReturnType<typeof generateKeyPair>>['privateKey'],
    claims: JWTPayload,
  ): Promise<string> => new SignJWT({ iss: issuer, aud: DEMO_AUDIENCE, ...claims }).setProtectedHeader(header).sign(key)

  return {
    issuer,
    token: (client, options) => requestToken(issuer, client, options),
    sign: (claims) => signWith(signing.privateKey, claims),
    forge: (claims) => signWith(foreign.privateKey, claims),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

async function createProvider(issuer: string, key: object): Promise<OidcProvider> {
  const configuration: Configuration = {
    clients: DEMO_CLIENTS.map(({ id, secret, scope }) => ({
      client_id: id,
      client_secret: secret,
      grant_types: ['client_credentials'],
      redirect_uris: [],
      response_types: [],
      // The provider has one key, and it is not of the default RS256.
      id_token_signed_response_alg: 'ES256',
      scope,
    })),
    jwks: { keys: [key] } as NonNullable<Configuration['jwks']>,
    scopes: ['orders:read', 'orders:write'],
    ttl: { ClientCredentials: TOKEN_TTL_S },
    cookies: { keys: ['unused: no browser logs in here'] },
    extraTokenClaims: (_, token) => ({ ...DEMO_CLIENTS.find((client) => client.id === token.clientId)?.claims }),
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        // RFC 8707 resources are URIs; the audience is what follows the prefix.
        defaultResource: () => `urn:${DEMO_AUDIENCE}`,
        useGrantedResource: () => true,
        getResourceServerInfo: (_, resource) => ({
          audience: resource.replace(/^urn:/, ''),
          scope: 'orders:read orders:write',
          accessTokenTTL: TOKEN_TTL_S,
          accessTokenFormat: 'jwt',
          jwt: { sign: { alg: 'ES256' } },
        }),
      },
    },
  }
  return quietly(async () => {
    const { Provider } = await import('oidc-provider')
    return new Provider(issuer, configuration)
  })
}

async function requestToken(
  issuer: string,
  clientId: string,
  options: { scope?: string; audience?: string } = {},
): Promise<string> {
  const client = DEMO_CLIENTS.find(({ id }) => id === clientId)
  const body = new URLSearchParams({ grant_type: 'client_credentials' })
  if (options.scope !== undefined) body.set('scope', options.scope)
  if (options.audience !== undefined) body.set('resource', `urn:${options.audience}`)
  const response = await fetch(`${issuer}/token`, {
    method: 'POST',
    headers: { authorization: `Basic ${Buffer.from(`${clientId}:${client?.secret ?? ''}`).toString('base64')}` },
    body,
  })
  const answer = (await response.json()) as { access_token?: string; error_description?: string }
  if (answer.access_token === undefined)
    throw new Error(`no token for ${clientId}: ${answer.error_description ?? response.status}`)
  return answer.access_token
}

/** oidc-provider prints its notices about production use to the console, also to standard output; none applies here. */
async function quietly<T>(build: () => Promise<T>): Promise<T> {
  const { info, warn } = console
  const drop =
    (original: typeof info) =>
    (...args: unknown[]): void => {
      if (!String(args[0]).includes('oidc-provider')) original(...args)
    }
  console.info = drop(info)
  console.warn = drop(warn)
  try {
    return await build()
  } finally {
    console.info = info
    console.warn = warn
  }
}
