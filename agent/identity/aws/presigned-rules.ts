import type { Evidence } from '../evidence.ts'
import type { DenyReason } from '../reasons.ts'
import type { Presigned } from './presigned.ts'

/** What this agent demands of a presigned request beside its form. */
export interface PresignedRules {
  /** Signed header that names for whom the credential is meant, in small letters. */
  readonly audienceHeader: string
  readonly audience: string
  /** Signed headers that bind the credential to the method and path of one request. */
  readonly methodHeader: string | undefined
  readonly pathHeader: string | undefined
  /** Milliseconds since X-Amz-Date. */
  readonly maxAgeMs: number
  readonly maxFutureMs: number
}

/** What a header of ours may hold: anything else SigV4 would fold, or Node refuse. */
const PLAIN = /^[\x21-\x7e]{1,4096}$/

/**
 * Judges what the credential says of itself, and this request's part in it. Signatures cover names *and* values of the
 * headers, but only the names are in the URL: the values are ours, and STS finds the signature wrong if the client signed
 * others.
 * @param nowMs milliseconds since the epoch
 */
export function judgePresigned(
  presigned: Presigned,
  evidence: Evidence,
  rules: PresignedRules,
  nowMs: number,
): DenyReason | undefined {
  const { signedHeaders, signedAt } = presigned
  if (!signedHeaders.includes(rules.audienceHeader)) return 'claim_missing'
  const bound = [rules.methodHeader, rules.pathHeader].filter((name) => name !== undefined)
  if (bound.some((name) => !signedHeaders.includes(name))) return 'binding_missing'
  // We could not tell STS what it held.
  const known = new Set(['host', rules.audienceHeader, ...bound])
  if (signedHeaders.some((name) => !known.has(name))) return 'malformed_token'
  // Clients may show their audience too (`shownAudience`): then a wrong one is known before STS is asked.
  const shown = evidence.headers.get(rules.audienceHeader)
  if (shown !== undefined && shown.value !== '' && (shown.count > 1 || shown.value !== rules.audience)) {
    return 'audience_mismatch'
  }
  if (rules.methodHeader !== undefined && !PLAIN.test(evidence.method)) return 'binding_mismatch'
  if (rules.pathHeader !== undefined && !PLAIN.test(evidence.path)) return 'binding_mismatch'
  if (signedAt - nowMs > rules.maxFutureMs) return 'issued_in_future'
  return nowMs - signedAt >= rules.maxAgeMs ? 'expired' : undefined
}

/** The signed headers with our values, as they go to STS; `host` is the connection's matter. */
export function headersForSts(evidence: Evidence, rules: PresignedRules): Record<string, string> {
  return {
    [rules.audienceHeader]: rules.audience,
    ...(rules.methodHeader === undefined ? {} : { [rules.methodHeader]: evidence.method }),
    ...(rules.pathHeader === undefined ? {} : { [rules.pathHeader]: evidence.path }),
  }
}
