import { isSafeText } from '../identity/claim-values.ts'
import type { RevocationInput } from '../identity/revocation/entry.ts'
import type { Revocations } from '../identity/revocation/revocations.ts'
import type { Scope } from './verdict.ts'

/** Where what verdicts revoke is kept. */
export type Revoker = Pick<Revocations, 'replace' | 'remove'>

interface Revoking {
  readonly scope: Scope
  readonly key: string
  readonly provider?: string | undefined
  /** Milliseconds since the epoch, as all times of a verdict. */
  readonly issuedBefore?: number | undefined
  readonly expiresAt: number
}

const SOURCE = { source: 'workflow' } as const
/** SHA-256 as base64url, as `Identity.digest` has it. */
const DIGEST = /^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/
/** Bytes of what an entry may name. */
const MAX_TEXT = 1024
/** The end of the year 9999: what ends later does not end. */
export const LAST_MS = 253_402_300_799_000

/**
 * Revokes what a verdict is about until the verdict is over, in place of what the one before revoked.
 * @returns false when there is no room; nothing has changed then
 */
export function revoke(revoker: Revoker, verdict: Revoking): boolean {
  const done: RevocationInput[] = []
  for (const entry of entriesOf(verdict)) {
    if (!revoker.replace(entry, SOURCE)) {
      // A verdict before this one had room for all or for none.
      for (const one of done) revoker.remove(one, SOURCE)
      return false
    }
    done.push(entry)
  }
  return true
}

/** Takes back what a verdict about the same has revoked. */
export function unrevoke(revoker: Revoker, ref: Pick<Revoking, 'scope' | 'key' | 'provider'>): void {
  for (const entry of entriesOf({ ...ref, expiresAt: Infinity })) revoker.remove(entry, SOURCE)
}

/** What stands for a verdict among the revocations; nothing for a scope or a name that no revocation can have. */
export function entriesOf({ scope, key, provider, issuedBefore, expiresAt }: Revoking): RevocationInput[] {
  if (!isSafeText(key, MAX_TEXT) || (provider !== undefined && !isSafeText(provider, MAX_TEXT))) return []
  const until = expiresAt > LAST_MS ? 'never' : expiresAt / 1000
  const common = { ...(provider !== undefined && { provider }), until }
  switch (scope) {
    case 'credential':
      // An id may look like a digest. Verdicts are looked up by both, so both are revoked.
      return [...(DIGEST.test(key) ? [{ token: key, ...common }] : []), { jti: key, ...common }]
    case 'session':
      return [{ session: key, ...common }]
    case 'subject':
      return [{ subject: key, ...common, ...(issuedBefore !== undefined && { issuedBefore: issuedBefore / 1000 }) }]
    case 'key':
    case 'tenant':
    case 'source':
      return []
  }
}
