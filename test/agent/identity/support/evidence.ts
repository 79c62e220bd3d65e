import type { Authenticator } from '../../../../agent/identity/authenticator.ts'
import { type Evidence, type HeaderField, NO_HEADERS } from '../../../../agent/identity/evidence.ts'
import type { AuthResult } from '../../../../agent/identity/identity.ts'
import type { Requirement } from '../../../../agent/identity/requirement.ts'

/** A plain GET that shows nothing of its caller but what is given. */
export function evidenceOf(parts: Partial<Evidence> = {}): Evidence {
  return {
    requestId: '6B000000-1',
    method: 'GET',
    host: 'www.example.com',
    path: '/',
    query: '',
    source: '192.0.2.1',
    tls: true,
    authorization: undefined,
    authorizationCount: parts.authorization === undefined ? 0 : 1,
    headers: NO_HEADERS,
    certificate: undefined,
    body: undefined,
    ...parts,
  }
}

/** Header fields by lower-case name, each once. */
export function headersOf(fields: Readonly<Record<string, string>>): ReadonlyMap<string, HeaderField> {
  return new Map(Object.entries(fields).map(([name, value]) => [name, { value, count: 1 }]))
}

const requirements = new Map<string, Requirement>()

/** Any of these providers; equal lists give the same object, as the rules do. */
export function anyOf(...providers: string[]): Requirement {
  const key = providers.join()
  const known = requirements.get(key) ?? { mode: 'any', providers }
  requirements.set(key, known)
  return known
}

/** Asks with an Authorization field as it is, sent `count` times. */
export function ask(
  auth: Authenticator,
  authorization: string | undefined,
  count: number,
  providers: readonly string[],
): AuthResult | Promise<AuthResult> {
  return auth.authenticate(anyOf(...providers), evidenceOf({ authorization, authorizationCount: count }))
}
