import { ownText } from '../own-text.ts'
import { denied, type Denied } from '../reasons.ts'

/** A presigned GetCallerIdentity whose form is beyond doubt. Only STS can tell whether it is genuine. */
export interface Presigned {
  readonly ok: true
  /** One of the allowed hosts. */
  readonly host: string
  /** Path and query as signed: sent to STS byte by byte. Holds the session token and the signature: secrets. */
  readonly target: string
  /** Milliseconds since the epoch: X-Amz-Date. */
  readonly signedAt: number
  /** Names the credential of AWS that signed; no secret. */
  readonly accessKeyId: string
  /** Small letters. */
  readonly signedHeaders: readonly string[]
  /** 64 hexadecimal digits. A secret while it is young. */
  readonly signature: string
}

/** Characters. The longest that AWS makes (with a session token) are around 2000. */
export const MAX_BYTES = 4096

/** Ours, and that of aws-iam-authenticator and `aws eks get-token`: the same thing after the dot. */
export const PREFIXES = ['aws-gci-v1.', 'k8s-aws-v1.'] as const

/** The only parameters that may be there, in small letters; a further one could change what the call means. */
const PARAMETERS: ReadonlySet<string> = new Set([
  'action',
  'version',
  'x-amz-algorithm',
  'x-amz-credential',
  'x-amz-date',
  'x-amz-expires',
  'x-amz-security-token',
  'x-amz-signature',
  'x-amz-signedheaders',
])

/** Seconds: STS ignores X-Amz-Expires and takes a signature for fifteen minutes. */
const MAX_EXPIRES = 900

const URL_SHAPE = /^https:\/\/([^/?#]*)(\/[^?#]*)\?([^#]*)$/
/** access key / day / region / service / end (SigV4, "credential scope") */
const CREDENTIAL = /^([A-Z0-9]{16,128})\/(\d{8})\/[a-z0-9-]{1,32}\/sts\/aws4_request$/
const DATE = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/

/**
 * Reads a credential without asking anybody:
 *
 *     credential = prefix base64url("https://" host "/?" parameters)      ; without padding
 *
 * Stricter than STS, so that both read the same: the host is one of a list, and each parameter is known, comes once
 * (in any case of letters) and is escaped as SigV4 escapes.
 */
export function parsePresigned(credential: string, hosts: ReadonlySet<string>): Presigned | Denied {
  if (credential.length > MAX_BYTES) return denied('token_too_large')
  const prefix = PREFIXES.find((known) => credential.startsWith(known))
  const url = prefix === undefined ? undefined : decode(credential.slice(prefix.length))
  const [, host = '', path, query = ''] = URL_SHAPE.exec(url ?? '') ?? []
  if (host === '') return denied('malformed_token')
  if (!hosts.has(host)) return denied('unknown_issuer')
  const parameters = path === '/' ? parametersOf(query) : undefined
  if (parameters === undefined) return denied('malformed_token')

  const is = (name: string, value: string): boolean => parameters.get(name) === value
  const text = (name: string): string => parameters.get(name) ?? ''
  if (!is('action', 'GetCallerIdentity') || !is('version', '2011-06-15')) return denied('malformed_token')
  if (!is('x-amz-algorithm', 'AWS4-HMAC-SHA256')) return denied('malformed_token')
  if (!/^\d{1,3}$/.test(text('x-amz-expires')) || Number(text('x-amz-expires')) > MAX_EXPIRES) {
    return denied('malformed_token')
  }
  const date = text('x-amz-date')
  const signedAt = dateOf(date)
  const [, accessKeyId = '', day] = CREDENTIAL.exec(text('x-amz-credential')) ?? []
  if (signedAt === undefined || accessKeyId === '' || day !== date.slice(0, 8)) return denied('malformed_token')
  const signature = text('x-amz-signature')
  const signedHeaders = headersOf(text('x-amz-signedheaders'))
  if (!/^[0-9a-f]{64}$/.test(signature) || signedHeaders === undefined) return denied('malformed_token')
  if (parameters.get('x-amz-security-token') === '') return denied('malformed_token')
  return {
    ok: true,
    host: ownText(host),
    target: `/?${query}`,
    signedAt,
    accessKeyId: ownText(accessKeyId),
    signedHeaders,
    signature: ownText(signature),
  }
}

/** The text behind base64url in its only spelling; undefined for another one, and for what no URL may hold. */
function decode(encoded: string): string | undefined {
  if (!/^[A-Za-z0-9_-]+$/.test(encoded)) return undefined
  const bytes = Buffer.from(encoded, 'base64url')
  if (bytes.toString('base64url') !== encoded) return undefined
  const text = bytes.toString('latin1')
  return /^[\x21-\x7e]+$/.test(text) ? text : undefined
}

/** Values by name in small letters. Plain `+`, `;` and the like are refused: servers disagree about what they mean. */
function parametersOf(query: string): Map<string, string> | undefined {
  const found = new Map<string, string>()
  for (const part of query.split('&')) {
    const [, name = '', value] = /^([A-Za-z-]+)=((?:[A-Za-z0-9._~-]|%[0-9A-Fa-f]{2})*)$/.exec(part) ?? []
    const key = name.toLowerCase()
    if (value === undefined || !PARAMETERS.has(key) || found.has(key)) return undefined
    const plain = unescaped(value)
    if (plain === undefined) return undefined
    found.set(key, plain)
  }
  return found
}

function unescaped(value: string): string | undefined {
  const text = value.replace(/%(..)/g, (_escape, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  return /^[\x21-\x7e]*$/.test(text) ? text : undefined
}

/** `20260102T030405Z` in milliseconds since the epoch; undefined when there is no such moment. */
function dateOf(text: string): number | undefined {
  const iso = text.replace(DATE, '$1-$2-$3T$4:$5:$6.000Z')
  const ms = iso === text ? Number.NaN : Date.parse(iso)
  return Number.isNaN(ms) || new Date(ms).toISOString() !== iso ? undefined : ms
}

function headersOf(text: string): readonly string[] | undefined {
  if (!/^[a-z0-9-]+(?:;[a-z0-9-]+)*$/.test(text)) return undefined
  const names = text.split(';')
  return names.includes('host') && new Set(names).size === names.length ? names : undefined
}
