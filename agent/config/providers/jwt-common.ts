import { z } from 'zod'
import { defaults } from '../../identity/config.ts'
import { proxyUrl } from '../../identity/http/proxy.ts'
import { duration, endpoint, oneOrMore, text } from '../fields.ts'
import { claims, requiredClaims, roleMap } from './jwt-claims.ts'
import { token } from './jwt-token.ts'

const httpUrl = (what: string): z.ZodType<string> => {
  const message = `expected ${what}: an http or https URL without user, query and fragment`
  return z.string({ message }).refine((value) => isPlainUrl(value), { message })
}

function isPlainUrl(value: string): boolean {
  const url = URL.parse(value)
  return (
    url !== null && /^https?:$/.test(url.protocol) && url.username === '' && url.password === '' && !/[?#]/.test(value)
  )
}

/** `host` or `host:port`, in small letters afterwards. */
const host = z
  .string()
  .regex(/^(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?$/, { message: 'expected a host, or host:port' })
  .transform((value) => value.toLowerCase())

const PROXY = 'expected the http or https URL of a proxy, without a path'
const PROXY_OR_ENV = `${PROXY}, or "env" for HTTPS_PROXY and NO_PROXY`
const proxy = z.string({ message: PROXY }).refine((value) => proxyUrl(value) !== undefined, { message: PROXY })
const proxyOrEnv = z
  .string({ message: PROXY_OR_ENV })
  .refine((value) => value === 'env' || proxyUrl(value) !== undefined, { message: PROXY_OR_ENV })

/** What must stand in claims, whoever vouches for them, and what becomes of it. */
export const judged = {
  claims,
  requiredClaims,
  requiredScopes: oneOrMore(text).optional().describe('Scopes that every token must have'),
  tenants: oneOrMore(text).optional().describe('Tenants that are accepted; all without it'),
  roleMap,
  keepUnmappedRoles: z
    .boolean()
    .optional()
    .describe('Whether roles that "roleMap" does not name are kept; they are dropped without it'),
}

/** What providers of signed tokens take, and others in part. What is optional and left out, the preset says, or else `defaults` of identity/config.ts. */
export const common = {
  kind: z
    .literal('jwt')
    .meta({ implied: true })
    .describe('Signed tokens (JWT); the kind that is meant where none is given'),
  algorithms: z
    .array(
      z.enum(['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519']),
    )
    .min(1)
    .optional()
    .describe("Signature algorithms that are accepted; the preset's without it, else RS256, ES256, EdDSA, PS256"),
  clockSkew: duration(0, 600_000)
    .default(defaults.clockSkewS * 1000)
    .describe('Allowed difference of the clocks'),
  maxLifetime: duration(1000, 365 * 86_400_000)
    .optional()
    .describe('Refuses tokens that live longer, from "iat" to "exp"'),
  typ: oneOrMore(text)
    .optional()
    .describe(
      "Accepted types of the token's header, of which one is then required; without it the preset's, else none, JWT, at+jwt",
    ),
  required: z.boolean().default(defaults.required).describe('Whether /readyz waits for the keys'),
  token: token.optional().describe('Where a token may lie; without it the Authorization header'),
  ...judged,
  allowIdToken: z
    .boolean()
    .optional()
    .describe(
      "Whether ID tokens are accepted, which are made for the client and not for an API; the preset's without it, else not",
    ),
  binding: z
    .enum(['optional', 'required'])
    .optional()
    .describe('required: only tokens that are bound to a key. A bound one is checked in either case'),
  dpop: z
    .strictObject({
      publicBaseUrl: httpUrl('the URL that clients see')
        .transform((url) => url.replace(/\/+$/, ''))
        .describe('URL that clients see: scheme, host, perhaps a path, which proofs are compared with'),
      nonce: z.boolean().default(false).describe('Whether proofs need a nonce of ours'),
    })
    .optional()
    .describe('Takes tokens that are bound to a DPoP key (RFC 9449)'),
  resourceMetadata: httpUrl('the URL of the protected resource metadata (RFC 9728)')
    .optional()
    .describe('URL of the protected resource metadata (RFC 9728), told in challenges'),
  // Where keys come from; the key manager's settings.
  jwksUri: endpoint('the URL of the key set')
    .optional()
    .describe('URL of the keys; without it discovery or the preset tells'),
  jwksUris: z
    .array(endpoint('the URL of a key set'))
    .min(1)
    .max(8)
    .optional()
    .describe('Instead of "jwksUri": several places of the same keys, in order'),
  jwksHosts: z
    .array(host)
    .min(1)
    .max(16)
    .optional()
    .describe(`Hosts where a discovered "jwks_uri" may lie beside the issuer's own`),
  jwksTokenFile: text.optional().describe('File with the bearer token that the key endpoint wants'),
  keysFile: text.optional().describe('File in which the last good keys are kept over restarts'),
  caFile: text.optional().describe('PEM file with the authorities of the endpoints, instead of those of the system'),
  proxy: proxy.optional().describe('URL of an http or https proxy for the endpoints'),
  maxStale: duration(0, 86_400_000)
    .optional()
    .describe('How long keys serve past their time while their endpoint fails'),
}

/** What every preset takes. */
export const presetCommon = {
  ...common,
  proxy: proxyOrEnv
    .describe('URL of an http or https proxy for the endpoints, or env: what HTTPS_PROXY and NO_PROXY say')
    .optional(),
}

/** Names of the API, of which a token must carry one. */
export const audience = oneOrMore(text).describe('Names of your API, of which a token must carry one')
