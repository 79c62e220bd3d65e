import type { ProviderConfig, RequiredClaim } from './config.ts'
import { fitsGlob } from './glob.ts'
import { atPath, type JsonObject } from './plain-json.ts'
import type { DenyReason } from './reasons.ts'

/**
 * What a provider demands of claims beyond those every token has. The first rule broken is the reason: `claim_missing`
 * for a claim that is absent, null, or empty, `claim_invalid` for another value.
 */
export function judgeRequired(claims: JsonObject, tenant: string, provider: ProviderConfig): DenyReason | undefined {
  const { tenants, requiredClaims = [] } = provider
  if (tenants !== undefined) {
    if (tenant === '') return 'claim_missing'
    if (!tenants.includes(tenant)) return 'claim_invalid'
  }
  for (const required of requiredClaims) {
    const value = atPath(claims, required.path)
    if (value === undefined || value === null || value === '' || isEmptyList(value)) return 'claim_missing'
    if (!holds(value, required)) return 'claim_invalid'
  }
  return undefined
}

/** Of a list one member is enough: groups, for one. An object never holds. */
function holds(value: unknown, { values, patterns }: RequiredClaim): boolean {
  if (values === undefined && patterns === undefined) return true
  const members: readonly unknown[] = Array.isArray(value) ? value : [value]
  return members.some(
    (member) =>
      (values as readonly unknown[] | undefined)?.includes(member) === true ||
      (typeof member === 'string' && patterns?.some((pattern) => fitsGlob(member, pattern)) === true),
  )
}

function isEmptyList(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0
}

/**
 * Roles by the provider's table; what stands in the table twice is told once. Tokens name groups by the hundred, of which
 * a few mean something here.
 */
export function mapRoles(roles: readonly string[], provider: ProviderConfig): readonly string[] {
  const { roleMap, keepUnmappedRoles = false } = provider
  if (roleMap === undefined) return roles
  const mapped = roles.flatMap((role) => {
    // The token chose the name: `constructor` must not find what the table does not hold.
    if (Object.hasOwn(roleMap, role)) return roleMap[role] ?? []
    return keepUnmappedRoles ? [role] : []
  })
  return [...new Set(mapped)]
}
