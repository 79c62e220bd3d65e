import type { Evidence } from '../evidence.ts'

/** Scheme, authority and path of RFC 3986 section 3; query and fragment may follow. No user, no unusual character. */
const PARTS =
  /^(https?):\/\/(\[[0-9a-f:.]+\]|[a-z0-9._~-]+)(?::(\d{1,5})?)?(\/[!$&-;=@-Z_a-z~%]*)?(?:[?#][\x21-\x7e]*)?$/i

const DEFAULT_PORTS: Readonly<Record<string, string>> = { http: '80', https: '443' }

/**
 * A URL in the form in which two of them are compared: case of scheme and host, default port, empty path, spelling of
 * percent-encoded characters (RFC 3986 sections 6.2.2 and 6.2.3), without query and fragment (RFC 9449 section 4.3).
 * Dot segments stay: a request that has them is refused anyway.
 * @returns undefined when it is no such URL
 */
export function normalUrl(url: string): string | undefined {
  const found = PARTS.exec(url)
  if (found === null) return undefined
  const [, scheme = '', host = '', port = '', path = '/'] = found
  const lower = scheme.toLowerCase()
  const spelled = normalPath(path)
  if (spelled === undefined) return undefined
  const digits = port.replace(/^0+(?=\d)/, '')
  return `${lower}://${host.toLowerCase()}${digits === '' || digits === DEFAULT_PORTS[lower] ? '' : `:${digits}`}${spelled}`
}

/** Unreserved characters plain, the others in capital hexadecimal digits; undefined when an escape is broken. */
function normalPath(path: string): string | undefined {
  if (!path.includes('%')) return path
  if (/%(?![0-9A-Fa-f]{2})/.test(path)) return undefined
  return path.replace(/%[0-9A-Fa-f]{2}/g, (escape) => {
    const character = String.fromCharCode(Number.parseInt(escape.slice(1), 16))
    return /[A-Za-z0-9._~-]/.test(character) ? character : escape.toUpperCase()
  })
}

/**
 * The URL that the client asked for, to compare `htu` with, in normal form.
 * @param publicBaseUrl scheme, authority and perhaps a path before ours, as clients see them; '' for this connection's own
 */
export function requestUrl(evidence: Evidence, publicBaseUrl: string): string | undefined {
  const base = publicBaseUrl === '' ? `${evidence.tls ? 'https' : 'http'}://${evidence.host}` : publicBaseUrl
  return normalUrl(`${base}${evidence.path}`)
}
