import { z } from 'zod'
import { audience, presetCommon } from '../../config/providers/jwt-common.ts'
import { oneOrMore, refuse, text } from '../../config/fields.ts'
import { endpointUrl } from '../endpoint.ts'
import type { PresetConfig } from './preset.ts'

const TENANT = '{tenantid}'

const tenantId = z.string().regex(/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/, {
  message:
    'expected a tenant id in small letters, such as 72f988bf-86f1-41af-91ab-2d7cd011db47; "common" and "organizations" would let in every tenant in the world',
})

const version = z.enum(['v1', 'v2'])
type Version = z.output<typeof version>

const template = z
  .string()
  .refine((url) => url.includes(TENANT) && endpointUrl(url.replaceAll(TENANT, 'x')) !== undefined, {
    message: `expected an issuer URL that holds ${TENANT}, such as https://login.microsoftonline.com/${TENANT}/v2.0`,
  })

/** Access tokens of Microsoft Entra ID, of one tenant or of several that are listed. */
export const entraProvider = z
  .strictObject({
    ...presetCommon,
    preset: z.literal('entra').describe('Microsoft Entra ID, one tenant or several'),
    tenants: oneOrMore(tenantId).describe('Directory (tenant) ids; each has its own issuer'),
    versions: z
      .union([version.transform((one) => [one]), z.array(version).min(1)])
      .default(['v2'])
      .describe(
        "Format of the API's access tokens, requestedAccessTokenVersion of its app registration: v1 where it is null",
      ),
    issuer: template.optional().describe('Issuer of another cloud, with {tenantid} in it'),
    audience,
    clients: oneOrMore(text)
      .optional()
      .describe('Application (client) ids that may call, compared with "azp" or "appid"'),
  })
  .superRefine(({ tenants, versions, issuer, jwksUri, jwksUris }, ctx) => {
    if (issuer !== undefined && versions.length > 1) {
      refuse(ctx, 'CONFIG_CONFLICT', '"issuer" is of one version: make a provider of each')
    }
    if (tenants.length * versions.length > 1 && (jwksUri ?? jwksUris) !== undefined) {
      refuse(ctx, 'CONFIG_CONFLICT', 'several tenants or versions have several key sets: leave the key URLs out')
    }
  })

export function entra(settings: z.output<typeof entraProvider>): PresetConfig[] {
  const tenants = [...new Set(settings.tenants)]
  return [...new Set(settings.versions)].flatMap((one) => tenants.map((tenant) => entraTenant(tenant, one, settings)))
}

function entraTenant(
  tenant: string,
  format: Version,
  { issuer, clients }: z.output<typeof entraProvider>,
): PresetConfig {
  return {
    ...(issuer === undefined ? publicCloud(tenant, format) : { issuer: issuer.replaceAll(TENANT, tenant) }),
    algorithms: ['RS256'],
    typ: ['JWT'],
    // The issuer says the tenant too; that the two agree is what Microsoft asks every receiver to check.
    tenants: [tenant],
    claims: { tenant: ['tid'], roles: ['roles'] },
    // Header and claims of ID tokens look alike, but only access tokens name the client they were given to.
    requiredClaims: [{ path: [format === 'v1' ? 'appid' : 'azp'], ...(clients !== undefined && { values: clients }) }],
  }
}

/** The issuer of v1 tokens lies at another host than their keys, so discovery cannot be trusted to find them. */
function publicCloud(tenant: string, format: Version): { issuer: string; jwksUri: string } {
  const base = `https://login.microsoftonline.com/${tenant}`
  return format === 'v2'
    ? { issuer: `${base}/v2.0`, jwksUri: `${base}/discovery/v2.0/keys` }
    : { issuer: `https://sts.windows.net/${tenant}/`, jwksUri: `${base}/discovery/keys` }
}
