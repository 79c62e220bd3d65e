import type { CertificateProvider } from '../../../../agent/config/providers/certificate.ts'
import { certificateProvider } from '../../../../agent/config/providers/certificate.ts'
import type { z } from 'zod'
import { createCertificateScheme, type CertificateLimits } from '../../../../agent/identity/certificate/scheme.ts'
import { type Evidence, NO_HEADERS } from '../../../../agent/identity/evidence.ts'
import type { AuthResult } from '../../../../agent/identity/identity.ts'
import type { Scheme } from '../../../../agent/identity/scheme.ts'

export const silent = { info: () => {}, warn: () => {}, error: () => {} }

type Input = Omit<z.input<typeof certificateProvider>, 'kind'>

export function settings(input: Input): CertificateProvider {
  return certificateProvider.parse({ kind: 'certificate', ...input })
}

export interface SchemeOptions {
  readonly now?: () => number
  readonly limits?: CertificateLimits
}

export function schemeOf(input: Input, { now = Date.now, limits }: SchemeOptions = {}): Scheme {
  const context = { now, monotonicMs: () => performance.now(), log: silent }
  return createCertificateScheme('machines', settings(input), context, limits)
}

/** A request on a connection with this certificate. */
export function evidenceOf(der: Uint8Array | undefined, verify = 0): Evidence {
  return {
    requestId: '6B000000-1',
    method: 'GET',
    host: 'api.example.com',
    path: '/',
    query: '',
    source: '192.0.2.1',
    tls: true,
    authorization: undefined,
    authorizationCount: 0,
    headers: NO_HEADERS,
    certificate: der === undefined ? undefined : { verify, der },
    body: undefined,
  }
}

/** The answer, which is always there at once. */
export function ask(scheme: Scheme, der: Uint8Array | undefined, verify = 0): AuthResult {
  const result = scheme.authenticate('', evidenceOf(der, verify))
  if (result instanceof Promise) throw new Error('a certificate is judged at once')
  return result
}

/** Subject, or why not. */
export function subjectIn(result: AuthResult): string {
  return result.ok ? result.identity.subject : result.reason
}
