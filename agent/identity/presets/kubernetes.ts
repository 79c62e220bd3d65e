import { z } from 'zod'
import { audience, presetCommon } from '../../config/providers/jwt-common.ts'
import { endpoint, oneOrMore, refuse } from '../../config/fields.ts'
import type { RequiredClaim } from '../config.ts'
import type { PresetConfig } from './preset.ts'

const serviceAccount = z.string().regex(/^[a-z0-9*-]+:[a-z0-9.*-]+$/, {
  message: 'expected namespace:name, with "*" for any characters, such as shop:* or shop:checkout',
})

const own = {
  audience,
  serviceAccounts: oneOrMore(serviceAccount)
    .optional()
    .describe('Service accounts that may call, namespace:name, "*" for any characters; all of the cluster without it'),
}

/** Projected service account tokens of a Kubernetes cluster. */
export const kubernetesProvider = z
  .strictObject({
    ...presetCommon,
    preset: z.literal('kubernetes').describe('Service accounts of a Kubernetes cluster'),
    issuer: endpoint('the issuer of the cluster, --service-account-issuer of its API server').describe(
      'Issuer of the cluster: --service-account-issuer of its API server',
    ),
    ...own,
  })
  .superRefine(checkAudience)

/** The same of a cluster of Amazon EKS, whose keys are public. */
export const eksProvider = z
  .strictObject({
    ...presetCommon,
    preset: z.literal('eks').describe('Service accounts of a cluster of Amazon EKS'),
    issuer: z
      .string()
      .regex(
        /^https:\/\/oidc\.eks(?:-fips)?\.[a-z0-9-]+\.(?:amazonaws\.com|amazonaws\.com\.cn|api\.aws)\/id\/[0-9A-F]{32}$/,
        {
          message:
            'expected the issuer of a cluster: https://oidc.eks.<region>.amazonaws.com/id/<32 hexadecimal digits>',
        },
      )
      .describe('Issuer of the cluster: https://oidc.eks.<region>.amazonaws.com/id/<32 hexadecimal digits>'),
    ...own,
  })
  .superRefine(checkAudience)

function checkAudience(settings: { readonly audience: readonly string[] }, ctx: z.RefinementCtx): void {
  if (!settings.audience.some((name) => name.startsWith('https://kubernetes.default.svc'))) return
  refuse(
    ctx,
    'CONFIG_INVALID',
    'this audience is the API server’s: every pod has such a token, and could be called back with it; name one of your own',
  )
}

export function kubernetes(settings: z.output<typeof kubernetesProvider>): PresetConfig[] {
  const { issuer } = settings
  // Discovery tells an address of the API server, which is no name of the issuer.
  return [{ issuer, jwksUri: `${issuer.replace(/\/$/, '')}/openid/v1/jwks`, ...serviceAccountTokens(settings) }]
}

export function eks(settings: z.output<typeof eksProvider>): PresetConfig[] {
  return [{ issuer: settings.issuer, ...serviceAccountTokens(settings) }]
}

function serviceAccountTokens({
  serviceAccounts = ['*'],
}: {
  serviceAccounts?: readonly string[] | undefined
}): Pick<PresetConfig, 'algorithms' | 'claims' | 'requiredClaims'> {
  const patterns = serviceAccounts.map((name) => `system:serviceaccount:${name}`)
  const requiredClaims: RequiredClaim[] = [{ path: ['sub'], patterns }]
  return {
    algorithms: ['RS256', 'ES256'],
    claims: { tenant: ['kubernetes.io', 'namespace'], roles: [] },
    requiredClaims,
  }
}
