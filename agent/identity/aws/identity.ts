import { authenticated, type AuthResult, identityOf, MAX_NAMES } from '../identity.ts'
import { freezeJson } from '../plain-json.ts'
import { denied } from '../reasons.ts'
import { fitsArn } from './arn-pattern.ts'
import type { Caller } from './caller.ts'
import type { Presigned } from './presigned.ts'

/** Who of all that have an account with AWS is let in, and what he is here. */
export interface CallerRules {
  /** The provider's name in agent.yaml. */
  readonly provider: string
  readonly partition: string
  /** Undefined: any account, `arns` decide. */
  readonly accounts: readonly string[] | undefined
  /** Patterns of canonical ARNs; undefined: any principal of the accounts. */
  readonly arns: readonly string[] | undefined
  /** Roles by pattern; all that fit count. */
  readonly roles: Readonly<Record<string, readonly string[]>>
  /** Whether the account is the tenant. */
  readonly accountIsTenant: boolean
  readonly maxAgeMs: number
}

/**
 * The identity of a caller that STS vouches for. The subject is the role or user; what the caller chose himself (the
 * session's name, and the ARN that holds it) lies apart under `callerChosen`, where no rule meets it by accident.
 */
export function identityOfCaller(caller: Caller, presigned: Presigned, digest: string, rules: CallerRules): AuthResult {
  const { account, arn, userId, session } = caller
  if (rules.accounts !== undefined && !rules.accounts.includes(account)) return denied('claim_invalid')
  if (rules.arns !== undefined && !rules.arns.some((pattern) => fitsArn(arn, pattern))) return denied('claim_invalid')
  const roles = Object.entries(rules.roles).flatMap(([pattern, names]) => (fitsArn(arn, pattern) ? names : []))
  const held = [...new Set(roles)]
  if (held.length > MAX_NAMES) return denied('claim_invalid')
  const chosen = session === undefined ? {} : { callerChosen: { sessionName: session.name, sessionArn: session.arn } }
  return authenticated(
    identityOf({
      provider: rules.provider,
      method: 'aws',
      issuer: rules.partition,
      subject: arn,
      tenant: rules.accountIsTenant ? account : '',
      roles: held,
      claims: freezeJson({ account, arn, userId, ...chosen }),
      expiresAt: (presigned.signedAt + rules.maxAgeMs) / 1000,
      issuedAt: presigned.signedAt / 1000,
      credentialId: presigned.accessKeyId,
      digest,
    }),
  )
}
