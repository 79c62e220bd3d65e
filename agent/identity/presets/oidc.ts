import { z } from 'zod'
import { audience, presetCommon } from '../../config/providers/jwt-common.ts'
import { endpoint, oneOrMore, refuse } from '../../config/fields.ts'
import type { PresetConfig } from './preset.ts'

/** Any OpenID provider: nothing is known of it but what agent.yaml says. */
export const oidcProvider = z
  .strictObject({
    ...presetCommon,
    preset: z.literal('oidc').optional().describe('Any OpenID provider; the preset that is meant where none is given'),
    issuer: oneOrMore(endpoint('the issuer URL, as the "iss" claim writes it')).describe(
      'Exactly as the "iss" claim writes it, or several under one name',
    ),
    audience,
  })
  .superRefine(({ issuer, jwksUri, jwksUris }, ctx) => {
    if (new Set(issuer).size < issuer.length) refuse(ctx, 'CONFIG_CONFLICT', 'an issuer stands twice in the list')
    if (issuer.length > 1 && (jwksUri ?? jwksUris) !== undefined) {
      refuse(
        ctx,
        'CONFIG_CONFLICT',
        'several issuers have several key sets: leave the key URLs to discovery, or make a provider of each issuer',
      )
    }
  })

export function oidc({ issuer }: z.output<typeof oidcProvider>): PresetConfig[] {
  return issuer.map((one) => ({ issuer: one }))
}
