import { X509Certificate } from 'node:crypto'
import type { RevocationInput } from '../identity/revocation/entry.ts'
import { revocationOf, type RevokeRequest, RevokeOptionsError } from '../identity/revocation/revoke-request.ts'
import type { JsonObject } from '../identity/plain-json.ts'

const NAMES = [
  'jti',
  'subject',
  'session',
  'token',
  'tokenSha256',
  'certificate',
  'certificateSha256',
] as const satisfies (keyof RevokeRequest)[]
const MEMBERS: readonly string[] = [...NAMES, 'allBefore', 'provider', 'issuer', 'until', 'reason']

/**
 * The entry that the body of a call asks for: the members of `haproxy-temporal revoke`, all of them texts. A token and a
 * certificate come themselves, because nobody else is to read them on the way; whoever has their SHA-256 only says so.
 * @param nowS seconds since the epoch
 * @throws {RevokeOptionsError} whose message holds nothing of the body
 */
export function revocationRequest(body: JsonObject, nowS: number): RevocationInput {
  for (const [name, value] of Object.entries(body)) {
    if (!MEMBERS.includes(name)) throw new RevokeOptionsError(`an unknown member; known are ${MEMBERS.join(', ')}`)
    if (typeof value !== 'string') throw new RevokeOptionsError(`"${name}" is not a text`)
  }
  const { token, certificate, ...others } = body as Record<string, string>
  const asked: RevokeRequest = {
    ...others,
    ...(token !== undefined && { token: () => readToken(token) }),
    ...(certificate !== undefined && { certificate: () => readCertificate(certificate) }),
  }
  return revocationOf(asked, nowS, { names: NAMES, spell: (name) => `"${name}"` })
}

function readToken(text: string): string {
  const token = text.trim()
  if (token === '') throw new RevokeOptionsError('"token" is empty')
  // Lists call a digest "token". Taken for a token it would revoke nothing, and nobody would notice.
  if (/^[A-Za-z0-9_-]{43}$/.test(token) || /^(?:[0-9A-Fa-f]{2}:?){32}$/.test(token)) {
    throw new RevokeOptionsError('"token" looks like a SHA-256: a digest goes into "tokenSha256", of such a token too')
  }
  return token
}

function readCertificate(pem: string): X509Certificate {
  try {
    return new X509Certificate(pem)
  } catch {
    throw new RevokeOptionsError('"certificate" is not a certificate in PEM; a digest goes into "certificateSha256"')
  }
}
