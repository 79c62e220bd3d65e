import { z } from 'zod'
import { defaults } from '../../identity/config.ts'
import { duration, endpoint, oneOrMore, refuse, secret, text } from '../fields.ts'
import { claims, requiredClaims, roleMap } from './jwt-claims.ts'
import { common } from './jwt-common.ts'
import { token } from './jwt-token.ts'

/** How we prove to the authorization server who asks (RFC 7662 section 2.1). */
const client = z.preprocess(
  (value) =>
    typeof value === 'object' && value !== null && !('method' in value)
      ? { method: 'client_secret_basic', ...value }
      : value,
  z.discriminatedUnion('method', [
    z.strictObject({ method: z.literal('client_secret_basic'), id: text, secret }),
    z.strictObject({ method: z.literal('client_secret_post'), id: text, secret }),
    z.strictObject({
      method: z.literal('private_key_jwt'),
      id: text,
      /** PEM. */
      keyFile: text,
      /** `kid` of the assertion's header. */
      keyId: text.optional(),
      algorithm: z.enum(['RS256', 'PS256', 'ES256', 'ES384', 'ES512', 'EdDSA']).optional(),
      /** `aud` of the assertion; the issuer unless said otherwise. */
      audience: text.optional(),
    }),
    z.strictObject({ method: z.literal('tls_client_auth'), id: text, certFile: text, keyFile: text }),
  ]),
)

/** Opaque tokens, asked about at the authorization server (RFC 7662). */
export const introspectionProvider = z
  .strictObject({
    kind: z.literal('introspection'),
    issuer: endpoint('the issuer URL'),
    /** Found in the issuer's metadata when left out. */
    endpoint: endpoint('the URL of the introspection endpoint').optional(),
    client,
    audience: oneOrMore(text).optional(),
    /** Takes tokens of any audience, and those that name none. */
    anyAudience: z.literal(true).optional(),
    /** Takes tokens whose type the answer does not name; refresh tokens look like that. */
    tokenTypeOptional: z.boolean().default(false),
    /** `opaque`: not those of three base64url segments. */
    tokens: z.enum(['opaque', 'any']).default('opaque'),
    prefix: oneOrMore(text).optional(),
    token: token.optional(),
    clockSkew: duration(0, 600_000).default(defaults.clockSkewS * 1000),
    required: z.boolean().default(defaults.required),
    timeout: duration(50, 30_000).default(2000),
    /** Questions at once. */
    concurrency: z.int().min(1).max(1024).default(32),
    cache: z
      .strictObject({
        /** Of an active token; never past its `exp`. 0 asks about every request. */
        active: duration(0, 600_000).default(60_000),
        inactive: duration(0, 5000).default(5000),
        /** Past `active`, while the endpoint fails. */
        maxStale: duration(0, 3_600_000).default(0),
        maxEntries: z.int().min(1).max(1_000_000).default(50_000),
      })
      .prefault({}),
    caFile: text.optional(),
    proxy: common.proxy,
    claims,
    requiredClaims,
    requiredScopes: oneOrMore(text).optional(),
    tenants: oneOrMore(text).optional(),
    roleMap,
    keepUnmappedRoles: z.boolean().optional(),
    /** `required`: only tokens that are bound to a key. */
    binding: z.enum(['optional', 'required']).default('optional'),
    /** Takes tokens that are bound to a DPoP key (RFC 9449). */
    dpop: common.dpop,
  })
  .superRefine(({ audience, anyAudience }, ctx) => {
    if (audience === undefined && anyAudience === undefined) {
      refuse(ctx, 'CONFIG_MISSING', '"audience" is missing: the name of your API in tokens, or "anyAudience: true"')
    } else if (audience !== undefined && anyAudience !== undefined) {
      refuse(ctx, 'CONFIG_CONFLICT', 'either "audience" or "anyAudience: true"')
    }
  })

export type IntrospectionProvider = z.output<typeof introspectionProvider>
