import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { UserError } from '../errors.ts'
import type { Authenticator } from '../identity/authenticator.ts'
import { createCounters } from '../identity/counters.ts'
import { authenticated, type AuthResult, identityOf } from '../identity/identity.ts'
import { denied } from '../identity/reasons.ts'
import type { Needs } from '../identity/scheme.ts'

const texts = z.union([z.array(z.string()), z.string().transform((list) => list.split(' ').filter(Boolean))])

/** A caller as `--as` gives him: what a provider would have found in his credential. */
const assumed = z.strictObject({
  provider: z.string().optional(),
  issuer: z.string().default('https://assumed.invalid'),
  subject: z.string().min(1),
  tenant: z.string().default(''),
  roles: texts.default([]),
  scopes: texts.default([]),
  claims: z.record(z.string(), z.unknown()).default({}),
  variables: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).default({}),
  session: z.string().default(''),
})

export type AssumedCaller = z.output<typeof assumed>

/** @throws {UserError} the file cannot be read, or is no such object */
export function readAssumed(file: string): AssumedCaller {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    throw new UserError('EXPLAIN_INPUT', `cannot read ${file}: ${(error as NodeJS.ErrnoException).code ?? 'failed'}`)
  }
  return assumedOf(jsonOf(text, file), file)
}

/**
 * @param file for messages
 * @throws {UserError} it is no such object
 */
export function assumedOf(value: unknown, file: string): AssumedCaller {
  const parsed = assumed.safeParse(value)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw new UserError('EXPLAIN_INPUT', `${file}: ${issue?.path.join('.') ?? ''} ${issue?.message ?? 'is wrong'}`.trim())
}

function jsonOf(text: string, file: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // The parser's own message quotes the text.
    throw new UserError('EXPLAIN_INPUT', `${file} is not JSON`)
  }
}

/** Takes the caller's word for it: every requirement is met that names his provider, or any if he names none. */
export function assumingAuthenticator(caller: AssumedCaller, needs: Needs): Authenticator {
  const identities = new Map<string, AuthResult>()
  return fixedAuthenticator(needs, (providers) => {
    const provider = caller.provider ?? providers[0] ?? 'assumed'
    if (!providers.includes(provider)) return denied('unknown_issuer')
    const known = identities.get(provider)
    if (known !== undefined) return known
    const { issuer, subject, tenant, roles, scopes, claims, variables, session } = caller
    const found = Object.assign(Object.create(null) as Record<string, unknown>, claims)
    const identity = identityOf({
      provider,
      method: 'jwt',
      issuer,
      subject,
      tenant,
      roles,
      scopes,
      session,
      digest: '',
      claims: Object.freeze(found),
      variables,
    })
    const result = authenticated(identity)
    identities.set(provider, result)
    return result
  })
}

/** One that knows the answer to every question already. */
export function fixedAuthenticator(
  needs: Needs,
  authenticate: (providers: readonly string[]) => AuthResult,
): Authenticator {
  return {
    counters: createCounters([], () => new Map()),
    needs,
    authenticate: ({ providers }) => authenticate(providers),
    start() {},
    ready: () => true,
    isAway: () => false,
    retryAfterS: () => 1,
    status: () => [],
    close() {},
  }
}
