import { isSafeText } from '../claim-values.ts'
import type { ParsedCertificate } from './parsed.ts'
import { parseSpiffeId } from './spiffe.ts'

/** Which name of a certificate is the caller's. There is no falling through from one to another. */
export const sources = ['uri', 'dns', 'email', 'cn', 'dn', 'x5t'] as const
export type Source = (typeof sources)[number]

/** What separates the parts of a name, for patterns. */
export const SEPARATORS: Readonly<Record<Source, string>> = {
  uri: '/',
  dns: '.',
  email: '@',
  cn: '',
  dn: ',',
  x5t: '',
}

/** Bytes of UTF-8, as everywhere for subjects. */
const MAX_SUBJECT = 1024

/** RFC 1123 labels, and `_`, which machines like to be called with. A wildcard is no name: it would stand for many. */
const HOST = /^(?=.{1,253}$)[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)*$/
const MAILBOX = /^[!#-'*+\-./0-9=?A-Z^-~]+$/
const URI = /^[A-Za-z][A-Za-z0-9+.-]*:[!#$&-;=?-Z_a-z~%[\]]+$/

/**
 * The one name of the given kind, or undefined when there is none, more than one, or one that is not beyond doubt. Host
 * names come out in small letters (RFC 4343), everything else as it stands in the certificate.
 */
export function subjectOf(certificate: ParsedCertificate, source: Source): string | undefined {
  const name = nameOf(certificate, source)
  return isSafeText(name, MAX_SUBJECT) ? name : undefined
}

function nameOf(certificate: ParsedCertificate, source: Source): string | undefined {
  switch (source) {
    case 'uri':
      return uri(only(certificate.names.uri))
    case 'dns':
      return host(only(certificate.names.dns))
    case 'email':
      return email(only(certificate.names.email))
    case 'cn':
      return only(certificate.commonNames)
    case 'dn':
      return certificate.subjectDn
    case 'x5t':
      return certificate.x5t
  }
}

function only(names: readonly string[]): string | undefined {
  return names.length === 1 ? names[0] : undefined
}

/** RFC 3986; one of the scheme `spiffe`, in whatever letters, has to be a SPIFFE ID. */
function uri(name: string | undefined): string | undefined {
  if (name === undefined || !URI.test(name)) return undefined
  return /^spiffe:/i.test(name) && parseSpiffeId(name) === undefined ? undefined : name
}

function host(name: string | undefined): string | undefined {
  const lower = name?.toLowerCase()
  return lower !== undefined && HOST.test(lower) ? lower : undefined
}

/** RFC 5280 section 7.5: the part before `@` is told apart by case, the host behind it is not. */
function email(name: string | undefined): string | undefined {
  const at = name?.lastIndexOf('@') ?? -1
  if (name === undefined || at <= 0 || !MAILBOX.test(name.slice(0, at))) return undefined
  const domain = host(name.slice(at + 1))
  return domain === undefined ? undefined : `${name.slice(0, at)}@${domain}`
}
