import { variablesOf } from '../claim-variables.ts'
import { isSafeText, names, NOT_NAMES } from '../claim-values.ts'
import { MAX_SUBJECT } from '../claims.ts'
import { type Identity, identityOf, MAX_NAMES } from '../identity.ts'
import type { DenyReason } from '../reasons.ts'

/** Bytes of UTF-8. */
const MAX_TENANT = 256
const MAX_EMAIL = 320

/** What is made of an answer: header names in small letters. */
export interface AnswerSettings {
  readonly provider: string
  readonly issuer: string
  readonly subject: string
  readonly tenant: string | undefined
  readonly roles: string | undefined
  readonly email: string | undefined
  readonly separator: string
  readonly variables: Readonly<Record<string, string>>
}

/** Names of all headers that an answer may say something in. */
export function answerHeaders(settings: AnswerSettings): string[] {
  const { subject, tenant, roles, email, variables } = settings
  return [subject, tenant, roles, email, ...Object.values(variables)].filter((name) => name !== undefined)
}

/** Two header fields of one name, as Node joins them: which of the two would be true? */
const JOINED = ', '

/**
 * The caller that a good answer names. An answer that is good and names nobody (a path that the auth server leaves open,
 * or a login page) proves nobody: `claim_missing`.
 * @param digest SHA-256 of the session, base64url
 */
export function judgeHeaders(
  headers: Readonly<Record<string, string | undefined>>,
  digest: string,
  settings: AnswerSettings,
): Identity | DenyReason {
  const values: Record<string, string | undefined> = Object.create(null) as Record<string, string | undefined>
  for (const name of answerHeaders(settings)) {
    const value = headers[name]
    if (value === undefined || value === '') continue
    const text = utf8(value)
    if (text === undefined) return 'claim_invalid'
    if (text.includes(JOINED) && !(name === settings.roles && settings.separator === JOINED)) return 'claim_invalid'
    values[name] = text
  }
  const read = (name: string | undefined): string | undefined => (name === undefined ? undefined : values[name])
  const subject = read(settings.subject)
  if (subject === undefined) return 'claim_missing'
  const [tenant, email] = [read(settings.tenant), read(settings.email)]
  if (!isSafeText(subject, MAX_SUBJECT)) return 'claim_invalid'
  if (tenant !== undefined && !isSafeText(tenant, MAX_TENANT)) return 'claim_invalid'
  if (email !== undefined && !isSafeText(email, MAX_EMAIL)) return 'claim_invalid'
  const roles = names([read(settings.roles)?.split(settings.separator)])
  if (roles === NOT_NAMES || roles.length > MAX_NAMES) return 'claim_invalid'
  const claims = Object.create(null) as Record<string, unknown>
  for (const [variable, header] of Object.entries(settings.variables)) claims[variable] = values[header]
  const variables = variablesOf(
    claims,
    Object.fromEntries(Object.keys(settings.variables).map((variable) => [variable, [variable]])),
  )
  if (email !== undefined) claims['email'] = email
  if (roles.length > 0) claims['groups'] = Object.freeze([...roles])
  return identityOf({
    provider: settings.provider,
    method: 'forward_auth',
    issuer: settings.issuer,
    subject,
    ...(tenant !== undefined && { tenant }),
    roles,
    claims: Object.freeze(claims),
    digest,
    variables,
  })
}

/** Servers write UTF-8 into headers, and Node reads latin1; undefined when it is neither. */
function utf8(value: string): string | undefined {
  if (/^[\x00-\x7f]*$/.test(value)) return value
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.from(value, 'latin1'))
  } catch {
    return undefined
  }
}
