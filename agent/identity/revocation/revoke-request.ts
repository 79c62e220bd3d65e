import { hash, type X509Certificate } from 'node:crypto'
import { parseDuration } from '../../config/duration.ts'
import type { RevocationInput } from './entry.ts'

/** What somebody wants revoked: by the command, or by a call of the admin server. */
export interface RevokeRequest {
  readonly jti?: string
  readonly subject?: string
  readonly session?: string
  /** Gives the token itself; called once the rest makes sense. */
  readonly token?: () => string
  readonly tokenSha256?: string
  /** Gives the certificate; called once the rest makes sense. */
  readonly certificate?: () => X509Certificate
  readonly certificateSha256?: string
  /** `now` or an RFC 3339 time. */
  readonly allBefore?: string
  readonly provider?: string
  readonly issuer?: string
  /** A duration from now, an RFC 3339 time, or `never`. */
  readonly until?: string
  readonly reason?: string
}

/** How those who ask know the members of a request. */
export interface RevokeWording {
  /** Members that name what is revoked. */
  readonly names: readonly (keyof RevokeRequest)[]
  readonly spell: (name: keyof RevokeRequest) => string
}

/** What is wrong with a request. Holds nothing of a token. */
export class RevokeOptionsError extends Error {
  override readonly name = 'RevokeOptionsError'
}

/** Clocks differ, and agents tolerate that: an entry outlives its credential by an hour. */
const MARGIN_S = 3600
/** The year 9999, beyond which RFC 3339 has no dates: certificates "without an end" end then (RFC 5280 section 4.1.2.5). */
const LAST_S = 253_402_300_799

/**
 * The entry that is asked for. Of a token or a certificate only its SHA-256 is kept. Whether its texts are fit for an
 * entry is for `parseEntry` to say.
 * @param nowS seconds since the epoch
 * @throws {RevokeOptionsError} for members that do not go together
 */
export function revocationOf(asked: RevokeRequest, nowS: number, { names, spell }: RevokeWording): RevocationInput {
  const { jti, subject, session, token, tokenSha256, certificate, certificateSha256, allBefore } = asked
  const { provider, issuer, reason } = asked
  const named = names.filter((name) => asked[name] !== undefined)
  if (named.length > 1 || (named.length === 0 && allBefore === undefined)) {
    throw new RevokeOptionsError(`say one of ${[...names, 'allBefore' as const].map(spell).join(', ')}`)
  }
  const common = {
    ...(provider !== undefined && { provider }),
    ...(issuer !== undefined && { issuer }),
    ...(allBefore !== undefined && { issuedBefore: allBefore === 'now' ? isoTime(nowS) : allBefore }),
    ...(reason !== undefined && { reason }),
  }
  const until = asked.until === undefined ? undefined : untilOf(asked.until, nowS)
  const needed = (expiresS: number | undefined): string => {
    if (expiresS !== undefined) return endOf(expiresS + MARGIN_S)
    throw new RevokeOptionsError(
      `say ${spell('until')}: a duration such as 8h that no such credential outlives, or "never"`,
    )
  }
  if (token !== undefined) {
    const text = token()
    return { token: hash('sha256', text, 'base64url'), ...common, until: until ?? needed(expiryOf(text)) }
  }
  if (certificate !== undefined) {
    const parsed = certificate()
    const digest = hash('sha256', parsed.raw, 'base64url')
    return { certificate: digest, ...common, until: until ?? needed(parsed.validToDate.getTime() / 1000) }
  }
  return {
    ...(jti !== undefined && { jti }),
    ...(subject !== undefined && { subject }),
    ...(session !== undefined && { session }),
    ...(tokenSha256 !== undefined && { token: tokenSha256 }),
    ...(certificateSha256 !== undefined && { certificate: certificateSha256 }),
    ...common,
    until: until ?? needed(undefined),
  }
}

function untilOf(text: string, nowS: number): string {
  if (text === 'never') return text
  const ms = parseDuration(text)
  return ms === undefined ? text : endOf(nowS + ms / 1000)
}

function endOf(seconds: number): string {
  return seconds > LAST_S ? 'never' : isoTime(seconds)
}

function isoTime(seconds: number): string {
  return new Date(Math.ceil(seconds) * 1000).toISOString().replace('.000Z', 'Z')
}

/** `exp` of a JWT, which nobody has verified: a token that lies about it is refused for that anyway. */
function expiryOf(token: string): number | undefined {
  const segments = token.split('.')
  if (segments.length !== 3) return undefined
  try {
    const { exp } = JSON.parse(Buffer.from(segments[1] ?? '', 'base64url').toString()) as { exp?: unknown }
    return typeof exp === 'number' && exp > 0 && exp < 2 ** 36 ? exp : undefined
  } catch {
    return undefined
  }
}
