import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { RevocationInput } from './entry.ts'
import { revocationOf, type RevokeRequest, RevokeOptionsError } from './revoke-request.ts'

export { RevokeOptionsError } from './revoke-request.ts'

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

const NAMES = ['jti', 'subject', 'session', 'token', 'certificate'] as const satisfies (keyof RevokeRequest)[]

/**
 * The entry that the options ask for. Of a token or a certificate only its SHA-256 is kept.
 * @param nowS seconds since the epoch
 * @param readStdin standard input to its end
 * @throws {RevokeOptionsError} for options that do not go together, or a certificate that cannot be read
 */
export function revokeInput(options: RevokeOptions, nowS: number, readStdin: () => string): RevocationInput {
  const { token, certificate, ...others } = options
  const asked: RevokeRequest = {
    ...others,
    ...(token !== undefined && { token: () => readToken(token, readStdin) }),
    ...(certificate !== undefined && { certificate: () => readCertificate(certificate) }),
  }
  return revocationOf(asked, nowS, { names: NAMES, spell: (name) => `--${name === 'allBefore' ? 'all-before' : name}` })
}

function readToken(option: string, readStdin: () => string): string {
  if (option !== '-') throw new RevokeOptionsError('a token comes on standard input: --token -')
  const text = readStdin().trim()
  if (text === '') throw new RevokeOptionsError('there is no token on standard input')
  return text
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
