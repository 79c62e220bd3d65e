import { z } from 'zod'
import { audience, presetCommon } from '../../config/providers/jwt-common.ts'
import { oneOrMore, refuse, text } from '../../config/fields.ts'
import { type PresetConfig, when } from './preset.ts'

/** ID tokens of Google: of people of a Workspace domain, or of service accounts. */
export const googleProvider = z
  .strictObject({
    ...presetCommon,
    preset: z.literal('google').describe('ID tokens of Google: people of a Workspace, service accounts'),
    /** OAuth client ids; for service accounts the audience that they ask for. */
    audience,
    hostedDomains: oneOrMore(text).optional().describe('Workspace domains whose people may call, compared with "hd"'),
    emails: oneOrMore(text).optional().describe('Verified addresses that may call, "*" for any characters'),
  })
  .superRefine(({ hostedDomains, emails }, ctx) => {
    if (hostedDomains !== undefined || emails !== undefined) return
    refuse(
      ctx,
      'CONFIG_MISSING',
      'say who may call with "hostedDomains" (people of a Workspace) or "emails" (service accounts): without them every Google account in the world would be accepted',
    )
  })

export function google({ hostedDomains, emails }: z.output<typeof googleProvider>): PresetConfig[] {
  return [
    {
      issuer: 'https://accounts.google.com',
      // At another host than the issuer.
      jwksUri: 'https://www.googleapis.com/oauth2/v3/certs',
      algorithms: ['RS256'],
      // Google's access tokens are opaque: the ID token is the only JWT there is.
      allowIdToken: true,
      claims: { tenant: ['hd'], roles: [] },
      requiredClaims: [
        ...when(hostedDomains, (values) => ({ path: ['hd'], values })),
        ...when(emails, (patterns) => ({ path: ['email'], patterns })),
        ...when(emails, () => ({ path: ['email_verified'], values: [true] })),
      ],
    },
  ]
}
