import type { Evidence } from './evidence.ts'
import { denied, type Denied } from './reasons.ts'

/** Bytes. HAProxy's own buffer holds 16 KiB of headers; honest credentials stay far below half of that. */
export const MAX_CREDENTIAL_BYTES = 8192

/**
 * A place of a request where a credential may lie. Equal places are one object (see {@link locationOf}), so that the
 * authenticator reads each once and can tell that a request carries two credentials.
 */
export interface CredentialLocation {
  /** `authorization:bearer`, `cookie:session`, `header:x-api-key`, `query:access_token`, `certificate`. */
  readonly id: string
  /** False for the client certificate: it belongs to the connection, and may come with a credential of the request. */
  readonly exclusive: boolean
  /** The header field it reads, unless that is Authorization. */
  readonly header: string | undefined
  /** The credential; undefined when there is none here; a denial when there is something that must not be used. */
  read(evidence: Evidence): string | Denied | undefined
}

/** How agent.yaml names a place. */
export type LocationConfig =
  | { readonly in: 'authorization'; readonly scheme: string }
  | { readonly in: 'cookie' | 'query'; readonly name: string }
  | { readonly in: 'header'; readonly name: string; readonly prefix?: string | undefined }
  | { readonly in: 'certificate' }

const known = new Map<string, CredentialLocation>()

/** The one object of a place. */
export function locationOf(config: LocationConfig): CredentialLocation {
  const id = idOf(config)
  let location = known.get(id)
  if (location === undefined) {
    location = { id, exclusive: config.in !== 'certificate', header: headerOf(config), read: readerOf(config) }
    known.set(id, location)
  }
  return location
}

function idOf(config: LocationConfig): string {
  switch (config.in) {
    case 'certificate':
      return 'certificate'
    case 'authorization':
      return `authorization:${config.scheme.toLowerCase()}`
    case 'header':
      return `header:${config.name.toLowerCase()}${config.prefix === undefined ? '' : `:${config.prefix}`}`
    default:
      return `${config.in}:${config.name}`
  }
}

function headerOf(config: LocationConfig): string | undefined {
  if (config.in === 'header') return config.name.toLowerCase()
  return config.in === 'cookie' ? 'cookie' : undefined
}

function readerOf(config: LocationConfig): CredentialLocation['read'] {
  switch (config.in) {
    case 'certificate':
      return (evidence) => (evidence.certificate === undefined ? undefined : '')
    case 'authorization':
      return authorizationReader(config.scheme.toLowerCase())
    case 'header':
      return headerReader(config.name.toLowerCase(), config.prefix ?? '')
    case 'cookie':
      return cookieReader(config.name)
    case 'query':
      return queryReader(config.name)
  }
}

/**
 * The credential of one scheme in the Authorization header (RFC 9110 section 11.4, RFC 6750 section 2.1).
 *
 *     credentials = scheme 1*SP token68      ; the scheme in any case
 *
 * A tab is no separator: `Bearer<TAB>x` is malformed. HAProxy's fetches disagree about two Authorization headers and both
 * reach the server, so two are refused, as is a comma, with which proxies join them.
 */
function authorizationReader(scheme: string): CredentialLocation['read'] {
  const usual = scheme === 'dpop' ? 'DPoP' : `${scheme.slice(0, 1).toUpperCase()}${scheme.slice(1)}`
  const begins = (value: string): boolean => {
    // Most often another scheme's: its first letter tells.
    if ((value.charCodeAt(0) | 0x20) !== scheme.charCodeAt(0)) return false
    if (!value.startsWith(usual) && value.slice(0, scheme.length).toLowerCase() !== scheme) return false
    const next = value.charCodeAt(scheme.length)
    return Number.isNaN(next) || next === 0x20 || next === 0x09
  }
  /** `Basic x, Bearer y`: another scheme first, ours joined to it. The commas of a Digest credential are its own. */
  const joined = (value: string): boolean =>
    value.includes(',') && value.length <= MAX_CREDENTIAL_BYTES && value.split(',').some((part) => begins(part.trim()))

  return ({ authorization, authorizationCount }) => {
    if (authorizationCount > 1) return denied('multiple_credentials')
    if (authorization === undefined || authorization === '') return undefined
    if (!begins(authorization)) return joined(authorization) ? denied('multiple_credentials') : undefined
    let start = scheme.length
    while (authorization.charCodeAt(start) === 0x20) start++
    // A tab after the scheme, or nothing behind it.
    if (start === scheme.length || start === authorization.length) return denied('malformed_token')
    if (authorization.length - start > MAX_CREDENTIAL_BYTES) return denied('token_too_large')
    if (authorization.includes(',', start)) return denied('multiple_credentials')
    return authorization.slice(start)
  }
}

/** A field of its own; with a prefix, what follows it, and nothing when the field begins otherwise. */
function headerReader(name: string, prefix: string): CredentialLocation['read'] {
  return ({ headers }) => {
    const field = headers.get(name)
    if (field === undefined) return undefined
    // Before its value: of two fields only the last one is seen, and that one may be empty.
    if (field.count > 1) return denied('multiple_credentials')
    if (field.value === '') return undefined
    if (!field.value.startsWith(prefix)) return undefined
    if (field.value.length - prefix.length > MAX_CREDENTIAL_BYTES) return denied('token_too_large')
    return field.value.slice(prefix.length)
  }
}

/**
 * A cookie by its exact name (RFC 6265 section 4.2.1). Two of that name are refused: servers choose differently. Quotes
 * are part of the value.
 */
function cookieReader(name: string): CredentialLocation['read'] {
  return ({ headers }) => {
    const field = headers.get('cookie')
    if (field === undefined) return undefined
    // HAProxy shows the last of several Cookie fields only: another one may hold the cookie too.
    if (field.count > 1) return denied('multiple_credentials')
    let found: string | undefined
    for (const part of field.value.split(';')) {
      const equals = part.indexOf('=')
      if (equals < 0 || part.slice(0, equals).trim() !== name) continue
      if (found !== undefined) return denied('multiple_credentials')
      found = part.slice(equals + 1).trim()
    }
    if (found === undefined || found === '') return undefined
    return found.length > MAX_CREDENTIAL_BYTES ? denied('token_too_large') : found
  }
}

/**
 * A query parameter by its exact name (RFC 6750 section 2.3). Two of that name are refused, and so are names that only
 * become it by decoding: a server would see a parameter that we did not.
 */
function queryReader(name: string): CredentialLocation['read'] {
  return ({ query }) => {
    if (query === '') return undefined
    let found: string | undefined
    for (const part of query.split('&')) {
      const equals = part.indexOf('=')
      if (decoded(equals < 0 ? part : part.slice(0, equals)) !== name) continue
      if (found !== undefined) return denied('multiple_credentials')
      found = equals < 0 ? '' : part.slice(equals + 1)
    }
    if (found === undefined || found === '') return undefined
    if (found.length > MAX_CREDENTIAL_BYTES) return denied('token_too_large')
    return decoded(found) ?? denied('malformed_token')
  }
}

/** Percent-decoded, `+` as a space; undefined when the escapes are broken. */
function decoded(text: string): string | undefined {
  if (!/[%+]/.test(text)) return text
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return undefined
  }
}
