import { isObject, type JsonObject } from '../plain-json.ts'

/** Who called, as STS says. */
export interface Caller {
  /** 12 digits. */
  readonly account: string
  /** `arn:aws:iam::<account>:role/<name>`, `…:user/<path><name>` or `…:root`. Roles are without their path: STS leaves it out. */
  readonly arn: string
  /** Unique id: of a role or user made anew under an old name it is another one. */
  readonly userId: string
  /** Role sessions only. Whoever assumes the role writes into it what he likes. */
  readonly session: { readonly name: string; readonly arn: string } | undefined
}

const ARN = /^arn:(aws[a-z-]{0,16}):(iam|sts)::(\d{12}):([\x21-\x7e]{1,1024})$/
/** Characters of IAM names (IAM User Guide, "IAM and AWS STS quotas"). */
const ASSUMED_ROLE = /^assumed-role\/([\w+=,.@-]{1,64})\/([\w+=,.@-]{1,64})$/

/**
 * Makes sense of the members of GetCallerIdentityResult.
 *
 * - `undefined`: the answer contradicts itself or lacks a member: it is none.
 * - `foreign`: a whole answer about a principal that is not accepted: of another partition, or of a kind whose name its
 *   user chose (`federated-user`).
 */
export function callerOf(result: unknown, partition: string): Caller | 'foreign' | undefined {
  if (!isObject(result)) return undefined
  const { Account: account, Arn: arn, UserId: id } = result as JsonObject
  if (typeof account !== 'string' || typeof arn !== 'string' || typeof id !== 'string') return undefined
  const [, arnPartition, service, arnAccount, resource = ''] = ARN.exec(arn) ?? []
  if (arnAccount === undefined || arnAccount !== account || !/^[\x21-\x7e]{1,256}$/.test(id)) return undefined
  if (arnPartition !== partition) return 'foreign'
  if (service === 'iam') {
    const isKnown = resource === 'root' || /^user\/./.test(resource)
    return isKnown ? { account, arn, userId: id, session: undefined } : 'foreign'
  }
  const [, role, name] = ASSUMED_ROLE.exec(resource) ?? []
  if (role === undefined || name === undefined) return 'foreign'
  const colon = id.indexOf(':')
  if (colon < 1 || id.slice(colon + 1) !== name) return undefined
  return {
    account,
    arn: `arn:${partition}:iam::${account}:role/${role}`,
    userId: id.slice(0, colon),
    session: { name, arn },
  }
}
