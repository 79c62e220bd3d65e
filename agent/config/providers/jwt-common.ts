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

/** What providers of signed tokens take, and others in part. What is optional and left out, the preset says, or else `defaults` of identity/config.ts. */
export const common = {
  kind: z.literal('jwt'),
  algorithms: z
    .array(
      z.enum(['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519']),
    )
    .min(1)
    .optional(),
  clockSkew: duration(0, 600_000).default(defaults.clockSkewS * 1000),
  maxLifetime: duration(1000, 365 * 86_400_000).optional(),
  typ: oneOrMore(text).optional(),
  required: z.boolean().default(defaults.required),
  token: token.optional(),
  claims,
  requiredClaims,
  requiredScopes: oneOrMore(text).optional(),
  tenants: oneOrMore(text).optional(),
  roleMap,
  keepUnmappedRoles: z.boolean().optional(),
  allowIdToken: z.boolean().optional(),
  binding: z.enum(['optional', 'required']).optional(),
  dpop: z
    .strictObject({
      publicBaseUrl: httpUrl('the URL that clients see').transform((url) => url.replace(/\/+$/, '')),
      nonce: z.boolean().default(false),
    })
    .optional(),
  resourceMetadata: httpUrl('the URL of the protected resource metadata (RFC 9728)').optional(),
  // Where keys come from; the key manager's settings.
  jwksUri: endpoint('the URL of the key set').optional(),
  jwksUris: z.array(endpoint('the URL of a key set')).min(1).max(8).optional(),
  jwksHosts: z.array(host).min(1).max(16).optional(),
  jwksTokenFile: text.optional(),
  keysFile: text.optional(),
  caFile: text.optional(),
  proxy: proxy.optional(),
  maxStale: duration(0, 86_400_000).optional(),
}

/** What every preset takes. */
export const presetCommon = { ...common, proxy: proxyOrEnv.optional() }

/** Names of the API, of which a token must carry one. */
export const audience = oneOrMore(text)
