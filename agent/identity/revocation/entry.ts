import { isSafeText } from '../claim-values.ts'
import { isObject } from '../plain-json.ts'

/** What an entry names. `digest` is a credential by its SHA-256; `all` are all credentials of a provider. */
export type RevocationKind = 'jti' | 'subject' | 'session' | 'digest' | 'all'

/** One revocation, checked and in one form whichever way it was written. */
export interface RevocationEntry {
  readonly kind: RevocationKind
  /** What it names; empty for `all`. */
  readonly key: string
  /** Name in agent.yaml; undefined: whichever provider. */
  readonly provider: string | undefined
  /** `iss`; undefined: whoever issued it. */
  readonly issuer: string | undefined
  /** Seconds since the epoch: credentials issued before it are revoked; Infinity revokes them whenever they were issued. */
  readonly issuedBefore: number
  /** Milliseconds since the epoch: the entry means nothing from then on. */
  readonly until: number
}

/** An entry as lists and callers write it. */
export interface RevocationInput {
  readonly jti?: string
  readonly subject?: string
  readonly session?: string
  /** SHA-256 of the token as sent: base64url or hex. */
  readonly token?: string
  /** SHA-256 of the certificate's DER: base64url (`x5t#S256`) or hex, with colons or without. */
  readonly certificate?: string
  readonly provider?: string
  readonly issuer?: string
  /** Seconds since the epoch or an RFC 3339 time. */
  readonly issuedBefore?: number | string
  /** Seconds since the epoch, an RFC 3339 time, or `never`. */
  readonly until: number | string
  /** For people. */
  readonly reason?: string
}

/** A list or an entry that is not as it must be. The message holds nothing of what was read. */
export class RevocationFormatError extends Error {
  override readonly name = 'RevocationFormatError'
}

const NAMES = ['jti', 'subject', 'session', 'token', 'certificate'] as const
const KEYS: ReadonlySet<string> = new Set([...NAMES, 'provider', 'issuer', 'issuedBefore', 'until', 'reason'])

/** Bytes of what an entry names, and of an issuer. */
const MAX_TEXT = 1024
const MAX_REASON = 500
/** Seconds since the epoch that are no mistake of units: up to the year 9999. */
const MAX_SECONDS = 253_402_300_799
const DATE_TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]\d{2}:\d{2})$/

/** Reads one entry strictly. @throws {RevocationFormatError} */
export function parseEntry(value: unknown): RevocationEntry {
  if (!isObject(value)) throw new RevocationFormatError('an entry is not a mapping')
  for (const key of Object.keys(value)) {
    if (!KEYS.has(key)) throw new RevocationFormatError(`an unknown key; known are ${[...KEYS].join(', ')}`)
  }
  const provider = optionalText(value, 'provider')
  const issuer = optionalText(value, 'issuer')
  const before = value['issuedBefore']
  const issuedBefore = before === undefined ? Number.POSITIVE_INFINITY : seconds(before, 'issuedBefore')
  const until = value['until'] === 'never' ? Number.POSITIVE_INFINITY : seconds(value['until'], 'until') * 1000
  const reason = value['reason']
  if (reason !== undefined && (typeof reason !== 'string' || reason.length > MAX_REASON)) {
    throw new RevocationFormatError(`"reason" is not a text of up to ${MAX_REASON} characters`)
  }
  const named = NAMES.filter((name) => value[name] !== undefined)
  const [name] = named
  if (named.length > 1) throw new RevocationFormatError(`an entry names only one of ${NAMES.join(', ')}`)
  if (name === undefined) {
    if (before === undefined) throw new RevocationFormatError(`an entry names one of ${NAMES.join(', ')}`)
    // Everybody of every provider at once is nothing anybody wants.
    if (provider === undefined && issuer === undefined) {
      throw new RevocationFormatError('"issuedBefore" alone needs "provider" or "issuer"')
    }
    return { kind: 'all', key: '', provider, issuer, issuedBefore, until }
  }
  if (before !== undefined && name !== 'subject') {
    throw new RevocationFormatError('"issuedBefore" goes with "subject", or with "provider" or "issuer" alone')
  }
  if (name === 'token' || name === 'certificate') {
    return { kind: 'digest', key: digestOf(value[name], name), provider, issuer, issuedBefore, until }
  }
  return { kind: name, key: text(value[name], name), provider, issuer, issuedBefore, until }
}

function optionalText(value: Record<string, unknown>, name: string): string | undefined {
  return value[name] === undefined ? undefined : text(value[name], name)
}

/** Identities hold nothing else, so anything else could never match and is a mistake. */
function text(value: unknown, name: string): string {
  if (isSafeText(value, MAX_TEXT)) return value
  throw new RevocationFormatError(`"${name}" is not a text of 1 to ${MAX_TEXT} bytes`)
}

function seconds(value: unknown, name: string): number {
  const time = typeof value === 'string' && DATE_TIME.test(value) ? Date.parse(value) / 1000 : value
  if (typeof time === 'number' && time > 0 && time <= MAX_SECONDS) return time
  throw new RevocationFormatError(`"${name}" is neither an RFC 3339 time nor seconds since the epoch`)
}

/** SHA-256 as base64url, the form of `Identity.digest`. */
function digestOf(value: unknown, name: string): string {
  if (typeof value === 'string') {
    if (/^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/.test(value)) return value
    const hex = value.replaceAll(':', '')
    if (/^[0-9A-Fa-f]{64}$/.test(hex)) return Buffer.from(hex, 'hex').toString('base64url')
  }
  throw new RevocationFormatError(`"${name}" is not a SHA-256 in base64url or hex`)
}
