import { z } from 'zod'
import { audience, presetCommon } from '../../config/providers/jwt-common.ts'
import { endpoint, oneOrMore, text } from '../../config/fields.ts'
import { type PresetConfig, when } from './preset.ts'

/** Access tokens of an Auth0 tenant for one of its APIs. */
export const auth0Provider = z.strictObject({
  ...presetCommon,
  preset: z.literal('auth0').describe('A tenant of Auth0'),
  issuer: endpoint('the tenant’s URL, such as https://acme.eu.auth0.com/')
    .refine((url) => URL.parse(url)?.pathname === '/', {
      message: 'expected the tenant’s domain or its custom domain, without a path',
    })
    .describe('URL of the tenant or its custom domain, with the slash at the end'),
  audience,
  clients: oneOrMore(text).optional().describe('Client ids that may call, compared with "azp"'),
  organizations: oneOrMore(text).optional().describe('Ids of organizations, compared with "org_id"'),
})

export function auth0({ issuer, clients, organizations }: z.output<typeof auth0Provider>): PresetConfig[] {
  return [
    {
      // Auth0 writes its issuer with a slash at the end, and people write it without.
      issuer: issuer.endsWith('/') ? issuer : `${issuer}/`,
      algorithms: ['RS256', 'PS256'],
      // The second is what APIs with the RFC 9068 profile get.
      typ: ['JWT', 'at+jwt'],
      claims: { tenant: ['org_id'], roles: ['permissions'] },
      requiredClaims: [
        ...when(clients, (values) => ({ path: ['azp'], values })),
        ...when(organizations, (values) => ({ path: ['org_id'], values })),
      ],
    },
  ]
}
