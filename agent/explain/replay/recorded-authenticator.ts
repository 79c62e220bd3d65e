import type { AgentConfig } from '../../config/schema.ts'
import type { Authenticator } from '../../identity/authenticator.ts'
import { authenticated, type AuthResult, identityOf } from '../../identity/identity.ts'
import { denied, type DenyReason, reasons } from '../../identity/reasons.ts'
import type { Needs } from '../../identity/scheme.ts'
import { fixedAuthenticator } from '../assumed.ts'
import type { RecordedRequest } from './recorded.ts'

/** Reasons of refusals that say nothing against the caller's credential. */
const NOT_OF_CALLERS: ReadonlySet<string> = new Set<DenyReason>([
  'policy_denied',
  'policy_error',
  'default_denied',
  'insufficient_scope',
  'rate_limited',
  'redirected',
  'ambiguous_path',
  'ambiguous_host',
  'timeout',
  'overload',
  'internal_error',
])

/** Proves callers by what a record tells of them. */
export class RecordedCallers {
  readonly authenticator: Authenticator
  #record: RecordedRequest | undefined
  /** What rules may ask for: where a record has no scopes, a caller who was let in is taken to have them. */
  readonly #allScopes: readonly string[]

  constructor(needs: Needs, { rules }: AgentConfig) {
    const scopes = rules.flatMap(({ identity }) =>
      identity === undefined || identity === 'none' ? [] : identity.scopes,
    )
    this.#allScopes = [...new Set(scopes)]
    this.authenticator = fixedAuthenticator(needs, (providers) => this.#answer(providers))
  }

  /** Whose caller is asked about from now on. */
  use(record: RecordedRequest): void {
    this.#record = record
  }

  #answer(providers: readonly string[]): AuthResult {
    const { caller, outcome, unknown } = this.#record ?? {}
    if (caller === undefined) {
      const reason = refusalOf(outcome?.reason)
      return denied(reason ?? 'no_credentials')
    }
    const provider = caller.provider ?? providers[0] ?? ''
    if (!providers.includes(provider)) return denied('unknown_issuer')
    const open = unknown?.has('identity.scopes') === true && outcome?.reason !== 'insufficient_scope'
    const { issuer, subject, tenant } = caller
    const roles = [...caller.roles]
    const scopes = open ? [...this.#allScopes] : [...caller.scopes]
    return authenticated(identityOf({ provider, method: 'jwt', issuer, subject, tenant, roles, scopes, digest: '' }))
  }
}

/** Why the caller himself was refused; undefined when that is not what the record tells. */
export function refusalOf(reason: string | undefined): DenyReason | undefined {
  if (reason === undefined || !(reason in reasons) || NOT_OF_CALLERS.has(reason)) return undefined
  return reason as DenyReason
}
