import type { CertificateProvider } from '../../config/providers/certificate.ts'
import { isSafeText, names, NOT_NAMES } from '../claim-values.ts'
import { authenticated, type Authenticated, identityOf, MAX_NAMES } from '../identity.ts'
import { denied, type Denied } from '../reasons.ts'
import { claimsOf, type ParsedCertificate } from './parsed.ts'
import { compilePattern, type Pattern } from './pattern.ts'
import { parseSpiffeId, type SpiffeId } from './spiffe.ts'
import { SEPARATORS, subjectOf } from './subject.ts'

/** Bytes of UTF-8. */
const MAX_NAME = 1024

/** Turns a certificate into a caller by the rules of one provider, leaving aside everything that changes with time. */
export type CertificateRules = (certificate: ParsedCertificate) => Authenticated | Denied

export function compileRules(provider: string, settings: CertificateProvider): CertificateRules {
  const { source, trustDomains, issuers, tenant } = settings
  const compile = (pattern: string): Pattern => compilePattern(pattern, SEPARATORS[source])
  const allow = settings.allow?.map(compile)
  const roles = Object.entries(settings.roles).map(([pattern, given]) => ({ matches: compile(pattern), given }))

  return (certificate) => {
    const subject = subjectOf(certificate, source)
    if (subject === undefined || certificate.isAuthority) return denied('client_cert_not_allowed')
    if (issuers !== undefined && !issuers.includes(certificate.issuerDn)) return denied('client_cert_not_allowed')
    if (allow !== undefined && !allow.some((matches) => matches(subject))) return denied('client_cert_not_allowed')
    const spiffeId = trustDomains === undefined ? undefined : parseSpiffeId(subject)
    if (trustDomains !== undefined && (spiffeId === undefined || !trustDomains.includes(spiffeId.trustDomain))) {
      return denied('client_cert_not_allowed')
    }
    const issuer = spiffeId?.trustDomain ?? certificate.issuerDn
    const ofTenant = tenantOf(tenant, spiffeId)
    const held = names(roles.flatMap(({ matches, given }) => (matches(subject) ? [given] : [])))
    // What cannot be a variable of HAProxy cannot be told to the servers behind it.
    if (!isSafeText(issuer, MAX_NAME) || ofTenant === undefined || held === NOT_NAMES || held.length > MAX_NAMES) {
      return denied('client_cert_not_allowed')
    }
    return authenticated(
      identityOf({
        provider,
        method: 'certificate',
        issuer,
        subject,
        tenant: ofTenant,
        roles: held,
        claims: claimsOf(certificate),
        expiresAt: certificate.notAfter,
        issuedAt: certificate.notBefore,
        credentialId: certificate.serial,
        digest: certificate.x5t,
        twinDigest: certificate.twinX5t,
      }),
    )
  }
}

/** '' where the provider knows no tenants; undefined when the certificate lacks the segment that names its own. */
function tenantOf(rule: CertificateProvider['tenant'], spiffeId: SpiffeId | undefined): string | undefined {
  if (rule === undefined || typeof rule === 'string') return rule ?? ''
  return spiffeId?.segments[rule.segment - 1]
}
