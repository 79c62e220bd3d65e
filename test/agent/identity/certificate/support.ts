import type { CertificateProvider } from '../../../../agent/config/providers/certificate.ts'
import { certificateProvider } from '../../../../agent/config/providers/certificate.ts'
import type { z } from 'zod'
import { createCertificateScheme, type CertificateLimits } from '../../../../agent/identity/certificate/scheme.ts'
import type { Evidence } from '../../../../agent/identity/evidence.ts'
import type { AuthResult } from '../../../../agent/identity/identity.ts'
import type { Scheme } from '../../../../agent/identity/scheme.ts'
import {
  certificateAuthority,
  type ClientCertificate,
  clientCertificate,
  type ClientOptions,
  type KeyAlgorithm,
} from '../../../support/client-certificates.ts'
import { evidenceOf as request } from '../support/evidence.ts'

/** Workloads of one SPIFFE trust domain. */
export const WORKLOADS = { source: 'uri', trustDomains: 'example.org' } as const
/** For `allow`. */
export const ANYBODY = '**'

/** An authority of its own, and those whom it has given certificates. */
export interface Authority {
  readonly ca: ClientCertificate
  readonly issued: (options: ClientOptions) => Promise<ClientCertificate>
  /** A certificate with these SPIFFE IDs, or other URIs. */
  readonly spiffe: (...ids: readonly string[]) => Promise<ClientCertificate>
}

export async function startAuthority(algorithm?: KeyAlgorithm): Promise<Authority> {
  const ca = await certificateAuthority('O=Example,CN=Test CA', algorithm)
  const issued = (options: ClientOptions): Promise<ClientCertificate> => clientCertificate({ issuer: ca, ...options })
  return { ca, issued, spiffe: (...ids) => issued({ names: ids.map((id) => ['url', id] as const) }) }
}

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
  return request({ certificate: der === undefined ? undefined : { verify, der } })
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
