import { hash } from 'node:crypto'
import type { CertificateProvider } from '../../config/providers/certificate.ts'
import type { WatchedFile } from '../../secrets/watched-file.ts'
import type { CertificateEvidence, Evidence } from '../evidence.ts'
import type { Authenticated, AuthResult } from '../identity.ts'
import type { ProviderStatus } from '../keys.ts'
import { locationOf } from '../location.ts'
import { Lru } from '../lru.ts'
import { denied, type Denied } from '../reasons.ts'
import type { Scheme, SchemeContext } from '../scheme.ts'
import { type Authorities, issuedByOneOf, watchAuthorities } from './authority.ts'
import { parseCertificate } from './parsed.ts'
import { compileRules, type CertificateRules } from './rules.ts'

/** OpenSSL's X509_V_ERR_CERT_NOT_YET_VALID and X509_V_ERR_CERT_HAS_EXPIRED. */
const OUT_OF_DATES = new Set([9, 10])

/** What is remembered of a certificate: everything but time and this connection's verification. */
interface Remembered {
  readonly result: Authenticated | Denied
  /** Seconds since the epoch. */
  readonly notBefore: number
  readonly notAfter: number
  /** By which file content it was judged. */
  readonly authorities: Authorities | undefined
}

export interface CertificateLimits {
  readonly maxEntries: number
  readonly maxBytes: number
}

const LIMITS: CertificateLimits = { maxEntries: 10_000, maxBytes: 64 * 1024 * 1024 }

/** Times the DER that its names, claims and objects take, roughly. */
const MEMORY_FACTOR = 4

export function createCertificateScheme(
  name: string,
  settings: CertificateProvider,
  context: SchemeContext,
  limits: CertificateLimits = LIMITS,
): Scheme {
  return new CertificateScheme(name, settings, context, limits)
}

/**
 * A client certificate as identity. HAProxy has checked that the client holds its key and that the chain leads to
 * `ca-file`; of a resumed session it repeats that result from the first handshake, so dates are checked here each time.
 */
class CertificateScheme implements Scheme {
  readonly name: string
  readonly locations = [locationOf({ in: 'certificate' })]
  readonly needs = { certificate: true }
  readonly status?: () => ProviderStatus
  readonly #rules: CertificateRules
  readonly #authorities: WatchedFile<Authorities> | undefined
  readonly #cache: Lru<Remembered>
  readonly #now: () => number

  constructor(name: string, settings: CertificateProvider, context: SchemeContext, limits: CertificateLimits) {
    this.name = name
    this.#rules = compileRules(name, settings)
    if (settings.caFile !== undefined) {
      const file = watchAuthorities(settings.caFile, context.log)
      this.#authorities = file
      this.status = () => statusOf(name, file)
    }
    this.#cache = new Lru(limits)
    this.#now = context.now
  }

  /** The place says it all: the credential itself is bytes of the evidence, not text. */
  recognises(credential: string): boolean {
    return credential === ''
  }

  authenticate(_credential: string, { certificate }: Evidence): AuthResult {
    if (certificate === undefined) return denied('client_cert_required')
    // Names of a certificate that nobody vouches for are not even looked at.
    if (certificate.verify !== 0) {
      return denied(OUT_OF_DATES.has(certificate.verify) ? 'client_cert_expired' : 'client_cert_untrusted')
    }
    const authorities = this.#authorities?.value
    if (this.#authorities !== undefined && authorities === undefined) return denied('secrets_unavailable')
    const known = this.#remembered(certificate, authorities)
    const now = this.#now() / 1000
    if (now < known.notBefore || now > known.notAfter) return denied('client_cert_expired')
    return known.result
  }

  start(): void {
    void this.#authorities?.start()
  }

  ready(): boolean {
    return this.#authorities === undefined || this.#authorities.value !== undefined
  }

  close(): void {
    this.#authorities?.close()
  }

  #remembered({ der }: CertificateEvidence, authorities: Authorities | undefined): Remembered {
    const x5t = hash('sha256', der, 'base64url')
    const known = this.#cache.get(x5t)
    if (known !== undefined && known.authorities === authorities) return known
    const judged = this.#judge(der, x5t, authorities)
    this.#cache.set(x5t, judged, der.length * MEMORY_FACTOR)
    return judged
  }

  #judge(der: Uint8Array, x5t: string, authorities: Authorities | undefined): Remembered {
    const parsed = parseCertificate(der, x5t)
    if (parsed === undefined) {
      return { result: denied('client_cert_untrusted'), notBefore: 0, notAfter: Infinity, authorities }
    }
    const issued = authorities === undefined || issuedByOneOf(parsed.x509, authorities)
    const result = issued ? this.#rules(parsed) : denied('client_cert_not_allowed')
    return { result, notBefore: parsed.notBefore, notAfter: parsed.notAfter, authorities }
  }
}

function statusOf(provider: string, file: WatchedFile<Authorities>): ProviderStatus {
  const { value, lastError, goodAt, looks } = file
  return {
    provider,
    keys: value?.length ?? 0,
    ageS: goodAt === undefined ? null : (performance.now() - goodAt) / 1000,
    stale: value !== undefined && lastError !== undefined,
    ...(lastError !== undefined && { lastError }),
    fetches: { ...looks },
  }
}
