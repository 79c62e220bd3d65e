import type { Identity } from '../identity/identity.ts'
import type { Answer } from './engine.ts'
import type { Secrets } from './secrets.ts'
import type { Tried } from './steps.ts'

/** Who called, as far as a rule had to know. */
export type Caller =
  | { readonly state: 'not asked' }
  | { readonly state: 'refused'; readonly reason: string }
  | {
      /** `assumed`: by `--as`; `recorded`: as the record of the request has it. Nothing was verified then. */
      readonly state: 'proven' | 'assumed' | 'recorded'
      readonly provider: string
      readonly method: string
      readonly issuer: string
      readonly subject: string
      readonly tenant: string
      readonly roles: readonly string[]
      readonly scopes: readonly string[]
      /** SHA-256 of the credential, by which it is revoked. */
      readonly digest?: string
      readonly credentialId?: string
      readonly keyId?: string
      /** ISO 8601; left out when it never expires. */
      readonly expiresAt?: string
    }

/** The caller of the decision, or whoever was known last on the way to it. */
export function callerOf(
  { decision }: Answer,
  tried: readonly Tried[],
  state: 'proven' | 'assumed' | 'recorded',
  secrets: Secrets,
): Caller {
  const last = tried.findLast(({ caller }) => caller !== undefined)?.caller
  const identity = decision.identity ?? (last?.ok === true ? last.identity : undefined)
  if (identity !== undefined) return secrets.cleanAll(known(identity, state))
  return last === undefined || last.ok ? { state: 'not asked' } : { state: 'refused', reason: last.reason }
}

function known(identity: Identity, state: 'proven' | 'assumed' | 'recorded'): Caller {
  const { provider, method, issuer, subject, tenant, roles, scopes, digest, credentialId, keyId, expiresAt } = identity
  const at = new Date(expiresAt * 1000)
  return {
    state,
    provider,
    method,
    issuer,
    subject,
    tenant,
    roles: [...roles],
    scopes: [...scopes],
    ...(digest !== '' && { digest: `sha256:${digest}` }),
    ...(credentialId !== '' && { credentialId }),
    ...(keyId !== undefined && { keyId }),
    ...(!Number.isNaN(at.getTime()) && { expiresAt: at.toISOString() }),
  }
}
