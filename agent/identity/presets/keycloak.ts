import { z } from 'zod'
import { audience, presetCommon } from '../../config/providers/jwt-common.ts'
import { endpoint, oneOrMore, refuse, text } from '../../config/fields.ts'
import { type PresetConfig, when } from './preset.ts'

/** Access tokens of a realm of Keycloak. */
export const keycloakProvider = z
  .strictObject({
    ...presetCommon,
    preset: z.literal('keycloak').describe('A realm of Keycloak'),
    issuer: endpoint('the realm’s URL, such as https://id.example.com/realms/acme')
      .refine((url) => /\/realms\/[^/]+$/.test(URL.parse(url)?.pathname ?? ''), {
        message: 'expected the URL of a realm, .../realms/<name> without a slash at the end',
      })
      .describe('URL of the realm: https://id.example.com/realms/acme'),
    audience,
    clients: oneOrMore(text).optional().describe('Client ids that may call, compared with "azp"'),
    rolesOf: text.optional().describe("Client whose roles are taken instead of the realm's"),
  })
  .superRefine((settings, ctx) => {
    if (!settings.audience.includes('account')) return
    refuse(
      ctx,
      'CONFIG_INVALID',
      'the audience "account" is in nearly every token of a realm: add an audience mapper to the client scope of your API, and name that audience',
    )
  })

export function keycloak({ issuer, clients, rolesOf }: z.output<typeof keycloakProvider>): PresetConfig[] {
  return [
    {
      issuer,
      algorithms: ['RS256', 'PS256', 'ES256', 'EdDSA'],
      typ: ['JWT', 'at+jwt'],
      claims: {
        tenant: [],
        roles: rolesOf === undefined ? ['realm_access', 'roles'] : ['resource_access', rolesOf, 'roles'],
      },
      // Access tokens of older versions carry `nonce` too. The claim `typ` tells kinds of tokens apart, and better: ID,
      // refresh and logout tokens have other ones, and the same keys and issuer.
      allowIdToken: true,
      requiredClaims: [
        { path: ['typ'], values: ['Bearer', 'DPoP'] },
        ...when(clients, (values) => ({ path: ['azp'], values })),
      ],
    },
  ]
}
