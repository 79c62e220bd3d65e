import { z } from 'zod'
import { audience, presetCommon } from '../../config/providers/jwt-common.ts'
import { endpoint, oneOrMore, text } from '../../config/fields.ts'
import type { PresetConfig } from './preset.ts'

const CUSTOM =
  'use a custom authorization server: https://<domain>/oauth2/<id>; the tokens of the org server are for Okta alone and must not be verified by others'

/** Access tokens of a custom authorization server of Okta. */
export const oktaProvider = z.strictObject({
  ...presetCommon,
  preset: z.literal('okta').describe('A custom authorization server of Okta'),
  issuer: endpoint('the issuer of a custom authorization server')
    .refine((url) => /^\/oauth2\/[^/]+$/.test(URL.parse(url)?.pathname ?? ''), { message: CUSTOM })
    .describe('URL of the authorization server: https://<domain>/oauth2/<id>'),
  audience,
  clients: oneOrMore(text).optional().describe('Client ids that may call, compared with "cid"'),
})

export function okta({ issuer, clients }: z.output<typeof oktaProvider>): PresetConfig[] {
  return [
    {
      issuer,
      algorithms: ['RS256'],
      // `scp` is read as `scope` is everywhere. `groups` needs a groups claim in the authorization server.
      claims: { tenant: [], roles: ['groups'] },
      // ID tokens name no client in `cid`.
      requiredClaims: [{ path: ['cid'], ...(clients !== undefined && { values: clients }) }],
    },
  ]
}
