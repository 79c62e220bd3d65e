import { z } from 'zod'
import { defaults } from '../../identity/config.ts'
import { claimPath, duration, endpoint, oneOrMore, text } from '../fields.ts'

/** Signed JWTs of an OpenID provider. */
export const jwtProvider = z.strictObject({
  kind: z.literal('jwt'),
  preset: z.literal('oidc').default('oidc'),
  issuer: endpoint('the issuer URL, as the "iss" claim writes it'),
  jwksUri: endpoint('the URL of the key set').optional(),
  audience: oneOrMore(text),
  algorithms: z
    .array(
      z.enum(['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519']),
    )
    .min(1)
    .default([...defaults.algorithms]),
  clockSkew: duration(0, 600_000).default(defaults.clockSkewS * 1000),
  maxLifetime: duration(1000, 365 * 86_400_000).optional(),
  typ: oneOrMore(text).optional(),
  required: z.boolean().default(defaults.required),
  caFile: text.optional(),
  claims: z
    .strictObject({
      subject: claimPath.default([...defaults.claims.subject]),
      tenant: claimPath.default([...defaults.claims.tenant]),
      roles: claimPath.default([...defaults.claims.roles]),
      scopes: claimPath.optional(),
    })
    .prefault({}),
})

export type JwtProvider = z.output<typeof jwtProvider>
