import { hash, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { parseDuration } from '../../config/duration.ts'
import type { RevocationInput } from './entry.ts'

/** Options of `haproxy-temporal revoke` that say what to revoke. */
export interface RevokeOptions {
  readonly jti?: string
  readonly subject?: string
  readonly session?: string
  /** `-`: the token comes on standard input. */
  readonly token?: string
  /** Path of a certificate, PEM or DER. */
  readonly certificate?: string
  /** `now` or an RFC 3339 time. */
  readonly allBefore?: string
  readonly provider?: string
  readonly issuer?: string
  /** A duration from now, an RFC 3339 time, or `never`. */
  readonly until?: string
  readonly reason?: string
}

/** What is wrong with the options. */
export class RevokeOptionsError extends Error {
  override readonly name = 'RevokeOptionsError'
}

/** Clocks differ, and agents tolerate that: an entry outlives its credential by an hour. */
const MARGIN_S = 3600

/**
 * The entry that the options ask for. Of a token or a certificate only its SHA-256 is kept.
 * @param nowS seconds since the epoch
 * @param readStdin standard input to its end
 * @throws {RevokeOptionsError} for options that do not go together, or a certificate that cannot be read
 */
export function revokeInput(options: RevokeOptions, nowS: number, readStdin: () => string): RevocationInput {
  const { jti, subject, session, token, certificate, allBefore, provider, issuer, reason } = options
  const named = [jti, subject, session, token, certificate].filter((value) => value !== undefined)
  if (named.length > 1 || (named.length === 0 && allBefore === undefined)) {
    throw new RevokeOptionsError('say one of --jti, --subject, --session, --token, --certificate, --all-before')
  }
  const common = {
    ...(provider !== undefined && { provider }),
    ...(issuer !== undefined && { issuer }),
    ...(allBefore !== undefined && { issuedBefore: allBefore === 'now' ? isoTime(nowS) : allBefore }),
    ...(reason !== undefined && { reason }),
  }
  const until = options.until === undefined ? undefined : untilOf(options.until, nowS)
  if (token !== undefined) {
    if (token !== '-') throw new RevokeOptionsError('a token comes on standard input: --token -')
    const text = readStdin().trim()
    if (text === '') throw new RevokeOptionsError('there is no token on standard input')
    return { token: hash('sha256', text, 'base64url'), ...common, until: until ?? needed(expiryOf(text)) }
  }
  if (certificate !== undefined) {
    const parsed = readCertificate(certificate)
    const digest = hash('sha256', parsed.raw, 'base64url')
    return { certificate: digest, ...common, until: until ?? needed(parsed.validToDate.getTime() / 1000) }
  }
  const name = { ...(jti !== undefined && { jti }), ...(subject !== undefined && { subject }) }
  return { ...name, ...(session !== undefined && { session }), ...common, until: until ?? needed(undefined) }
}

function untilOf(text: string, nowS: number): string {
  if (text === 'never') return text
  const ms = parseDuration(text)
  return ms === undefined ? text : isoTime(nowS + ms / 1000)
}

function needed(expiresS: number | undefined): string {
  if (expiresS !== undefined) return isoTime(expiresS + MARGIN_S)
  throw new RevokeOptionsError('say --until: a duration such as 8h that no such credential outlives, or "never"')
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

function readCertificate(path: string): X509Certificate {
  try {
    return new X509Certificate(readFileSync(path))
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    throw new RevokeOptionsError(`${path}: ${code === 'ENOENT' ? 'there is no such file' : 'not a certificate'}`, {
      cause: error,
    })
  }
}
