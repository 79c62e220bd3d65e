import { z } from 'zod'
import { presetCommon } from '../../config/providers/jwt-common.ts'
import { oneOrMore, text } from '../../config/fields.ts'
import type { PresetConfig } from './preset.ts'

const userPool = z.string().regex(/^[a-z]{2}(?:-[a-z]+)+-\d_[A-Za-z0-9]+$/, {
  message: 'expected the id of a user pool, such as eu-west-1_AbCdEfGhI',
})

/** Tokens of a user pool of Amazon Cognito. */
export const cognitoProvider = z.strictObject({
  ...presetCommon,
  preset: z.literal('cognito').describe('A user pool of Amazon Cognito'),
  userPool: userPool.describe('Id of the user pool, such as eu-west-1_AbCdEfGhI'),
  clients: oneOrMore(text).describe('Ids of the app clients that may call'),
  tokenUse: z.enum(['access', 'id']).default('access').describe('Which tokens are taken'),
})

export function cognito({ userPool: pool, clients, tokenUse }: z.output<typeof cognitoProvider>): PresetConfig[] {
  const region = pool.slice(0, pool.indexOf('_'))
  const domain = region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com'
  return [
    {
      issuer: `https://cognito-idp.${region}.${domain}/${pool}`,
      audience: clients,
      algorithms: ['RS256'],
      claims: { tenant: [], roles: ['cognito:groups'] },
      requiredClaims: [{ path: ['token_use'], values: [tokenUse] }],
      ...(tokenUse === 'access' ? { audienceClaim: ['client_id'] } : { allowIdToken: true }),
    },
  ]
}
