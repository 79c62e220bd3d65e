import { z } from 'zod'
import { defaults } from '../../identity/config.ts'
import { duration, endpoint, oneOrMore, refuse, secret, text } from '../fields.ts'
import { common, judged } from './jwt-common.ts'
import { token } from './jwt-token.ts'
import { maxEntries, remote } from './remote-common.ts'

const clientSecret = secret.describe('Secret of the client')

/** How we prove to the authorization server who asks (RFC 7662 section 2.1). */
const client = z.preprocess(
  (value) =>
    typeof value === 'object' && value !== null && !('method' in value)
      ? { method: 'client_secret_basic', ...value }
      : value,
  z.discriminatedUnion('method', [
    z.strictObject({
      method: z
        .literal('client_secret_basic')
        .meta({ implied: true })
        .describe('The secret as the password of HTTP Basic authentication'),
      id: text.describe('Id of the client'),
      secret: clientSecret,
    }),
    z.strictObject({
      method: z.literal('client_secret_post').describe('The secret in the body of the question'),
      id: text.describe('Id of the client'),
      secret: clientSecret,
    }),
    z.strictObject({
      method: z.literal('private_key_jwt').describe('A JWT signed with a private key (RFC 7523)'),
      id: text.describe('Id of the client'),
      keyFile: text.describe('PEM file with the private key'),
      keyId: text.optional().describe('Name of the key, "kid" in the header of the JWT'),
      algorithm: z
        .enum(['RS256', 'PS256', 'ES256', 'ES384', 'ES512', 'EdDSA'])
        .optional()
        .describe('Algorithm of the signature; without it the key tells'),
      audience: text.optional().describe('"aud" of the JWT; the issuer without it'),
    }),
    z.strictObject({
      method: z.literal('tls_client_auth').describe('A client certificate (RFC 8705)'),
      id: text.describe('Id of the client'),
      certFile: text.describe('PEM file with the client certificate'),
      keyFile: text.describe('PEM file with its private key'),
    }),
  ]),
)

/** Opaque tokens, asked about at the authorization server (RFC 7662). */
export const introspectionProvider = z
  .strictObject({
    kind: z.literal('introspection').describe('Opaque tokens, asked about at the authorization server (RFC 7662)'),
    issuer: endpoint('the issuer URL').describe('Who vouches; "iss" of an answer must be equal if it is there'),
    endpoint: endpoint('the URL of the introspection endpoint')
      .optional()
      .describe('URL of the introspection endpoint; without it the metadata of the issuer tells'),
    client: client.describe('How the agent proves who asks; without "method" by client_secret_basic'),
    audience: oneOrMore(text)
      .optional()
      .describe('Names of your API, of which "aud" of an answer must hold one; or "anyAudience"'),
    anyAudience: z
      .literal(true)
      .optional()
      .describe('Takes tokens of any audience, and those that name none: for issuers that serve nobody else'),
    tokenTypeOptional: z
      .boolean()
      .default(false)
      .describe('Whether answers without "token_type" are taken; refresh tokens look like that'),
    tokens: z
      .enum(['opaque', 'any'])
      .default('opaque')
      .describe('opaque: not those of three base64url segments; any: JWTs are asked about as well'),
    prefix: oneOrMore(text).optional().describe('What tokens begin with; others are never sent'),
    token: token.optional().describe('Where a token may lie'),
    clockSkew: common.clockSkew,
    required: z
      .boolean()
      .default(defaults.required)
      .describe('Whether /readyz waits until the endpoint is known and the credentials can be read'),
    ...remote,
    cache: z
      .strictObject({
        active: duration(0, 600_000)
          .default(60_000)
          .describe('Of an active token, never past its "exp"; 0s asks about every request'),
        inactive: duration(0, 5000).default(5000).describe('Of a refused token'),
        maxStale: duration(0, 3_600_000)
          .default(0)
          .describe('How much longer an active token is believed while the endpoint fails'),
        maxEntries: maxEntries.describe('Tokens that are remembered'),
      })
      .prefault({})
      .describe('How long answers are believed'),
    caFile: text.optional().describe('PEM file with the authorities of the endpoint, instead of those of the system'),
    proxy: common.proxy.describe('URL of an http or https proxy, for https endpoints'),
    ...judged,
    binding: z
      .enum(['optional', 'required'])
      .default('optional')
      .describe('required: only tokens that are bound to a key. A bound one is checked in either case'),
    dpop: common.dpop.describe('Takes tokens that are bound to a DPoP key (RFC 9449)'),
    resourceMetadata: common.resourceMetadata,
  })
  .superRefine(({ audience, anyAudience }, ctx) => {
    if (audience === undefined && anyAudience === undefined) {
      refuse(ctx, 'CONFIG_MISSING', '"audience" is missing: the name of your API in tokens, or "anyAudience: true"')
    } else if (audience !== undefined && anyAudience !== undefined) {
      refuse(ctx, 'CONFIG_CONFLICT', 'either "audience" or "anyAudience: true"')
    }
  })

export type IntrospectionProvider = z.output<typeof introspectionProvider>
