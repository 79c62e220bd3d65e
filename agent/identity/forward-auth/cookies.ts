import type { Evidence } from '../evidence.ts'
import type { CredentialLocation } from '../location.ts'
import { denied, type Denied } from '../reasons.ts'

/** Bytes of all session cookies of a request: large sessions come in several cookies of 4 KB. */
const MAX_COOKIE_BYTES = 12_288

/** RFC 6265 section 4.1.1, and what browsers send beyond it: no control characters, no white space, ASCII. */
const COOKIE_VALUE = /^[\x21-\x7e]*$/

const known = new Map<string, CredentialLocation>()

/**
 * The session cookies of these names as one place, because they are one credential: `name`, and the parts `name_0`,
 * `name_1`, ... into which a session is split that is too large for one cookie. What is read is a Cookie header with
 * them and no other.
 */
export function sessionCookies(names: readonly string[]): CredentialLocation {
  const id = `cookie:${names.join(',')}`
  let location = known.get(id)
  if (location === undefined) {
    location = { id, exclusive: true, header: 'cookie', read: readerOf(new Set(names)) }
    known.set(id, location)
  }
  return location
}

function readerOf(names: ReadonlySet<string>): (evidence: Evidence) => string | Denied | undefined {
  return ({ headers }) => {
    const field = headers.get('cookie')
    if (field === undefined) return undefined
    // HAProxy shows the last of several Cookie fields only: another one may hold the names too.
    if (field.count > 1) return denied('multiple_credentials')
    const found = new Map<string, string>()
    for (const part of field.value.split(';')) {
      const equals = part.indexOf('=')
      if (equals < 0) continue
      const name = part.slice(0, equals).trim()
      if (!names.has(name) && !names.has(name.replace(/_\d{1,2}$/, ''))) continue
      const value = part.slice(equals + 1).trim()
      if (found.has(name)) return denied('multiple_credentials')
      if (!COOKIE_VALUE.test(value)) return denied('malformed_token')
      if (value !== '') found.set(name, value)
    }
    if (found.size === 0) return undefined
    const cookies = Array.from(found, ([name, value]) => `${name}=${value}`).join('; ')
    return cookies.length > MAX_COOKIE_BYTES ? denied('token_too_large') : cookies
  }
}
