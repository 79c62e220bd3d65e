import { z } from 'zod'
import { audience, presetCommon } from '../../config/providers/jwt-common.ts'
import { endpoint, oneOrMore, refuse, text } from '../../config/fields.ts'
import { type PresetConfig, when } from './preset.ts'

/** The claim that holds what AWS knows of a principal; its name is a URL, not a path. */
const AWS = 'https://sts.amazonaws.com/'

const PARTITIONS = ['aws', 'aws-cn', 'aws-us-gov', 'aws-eusc', 'aws-iso', 'aws-iso-b', 'aws-iso-e', 'aws-iso-f']

/** Tokens of `sts:GetWebIdentityToken` (outbound identity federation): any IAM principal of the accounts listed. */
export const awsStsProvider = z
  .strictObject({
    ...presetCommon,
    preset: z.literal('aws-sts').describe('IAM principals, by tokens of sts:GetWebIdentityToken'),
    accounts: z
      .record(text, endpoint('the issuer of the account'))
      .describe(
        'Issuer of each account, by its number in quotes; aws iam get-outbound-web-identity-federation-info tells it',
      ),
    audience,
    organizations: oneOrMore(text).optional().describe('Ids of AWS Organizations, o-…'),
    subjects: oneOrMore(text).optional().describe('Patterns of "sub", such as arn:aws:iam::123456789012:role/orders-*'),
  })
  .superRefine(({ accounts, jwksUri, jwksUris }, ctx) => {
    const issuers = Object.values(accounts)
    if (!Object.keys(accounts).every((id) => /^\d{12}$/.test(id))) {
      refuse(
        ctx,
        'CONFIG_INVALID',
        '"accounts": expected the 12 digits of each account, in quotes: a number would lose the zeros in front',
      )
    }
    if (issuers.length === 0) refuse(ctx, 'CONFIG_MISSING', '"accounts" names no account')
    if (new Set(issuers).size < issuers.length) {
      refuse(ctx, 'CONFIG_CONFLICT', 'two accounts have the same issuer: each account has its own')
    }
    if (issuers.length > 1 && (jwksUri ?? jwksUris) !== undefined) {
      refuse(ctx, 'CONFIG_CONFLICT', 'several accounts have several key sets: leave the key URLs out')
    }
  })

export function awsSts(settings: z.output<typeof awsStsProvider>): PresetConfig[] {
  const { accounts, organizations, subjects } = settings
  return Object.entries(accounts).map(([id, issuer]) => ({
    issuer,
    // Every account calls its keys RSA_0 and EC384_0, and the first has no `alg`: keys are kept by issuer, and this
    // list decides what they may be used for.
    algorithms: ['RS256', 'ES384'],
    // STS gives an hour at most.
    maxLifetimeS: 3600,
    claims: { tenant: [AWS, 'aws_account'], roles: [] },
    requiredClaims: [
      { path: [AWS, 'aws_account'], values: [id] },
      { path: ['sub'], patterns: arnsOf(id) },
      ...when(organizations, (values) => ({ path: [AWS, 'org_id'], values })),
      ...when(subjects, (patterns) => ({ path: ['sub'], patterns })),
    ],
  }))
}

/**
 * Principals of an account in any partition. Written out up to the account, because a path of a role may hold colons:
 * `arn:*::<account>:*` would fit a role of another account that is called so.
 */
function arnsOf(id: string): string[] {
  return PARTITIONS.flatMap((partition) => [`arn:${partition}:iam::${id}:*`, `arn:${partition}:sts::${id}:*`])
}
