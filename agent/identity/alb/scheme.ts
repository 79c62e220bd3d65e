import { hash, type KeyObject, verify } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { AlbProvider } from '../../config/providers/alb.ts'
import { FetchError } from '../http/fetch-error.ts'
import { httpRequest } from '../http/request.ts'
import { authenticated, type AuthResult } from '../identity.ts'
import type { ProviderStatus } from '../keys.ts'
import { type CredentialLocation, locationOf, MAX_CREDENTIAL_BYTES } from '../location.ts'
import { denied } from '../reasons.ts'
import { keyLimits } from '../refresh-times.ts'
import { statusError } from '../remote/failure.ts'
import type { EvidenceNeeds, Scheme, SchemeContext } from '../scheme.ts'
import { type AlbRules, judgeHeader, judgePayload } from './claims.ts'
import { AlbKeyCache, type NoKey } from './key-cache.ts'
import { keysUrlOf } from './keys-url.ts'
import { type PaddedJwt, parsePadded } from './padded-jwt.ts'

/** Bytes: a PEM public key on P-256 has 178. */
const MAX_PEM = 4096
/** r and s of P-256 (RFC 7518 section 3.4). */
const SIGNATURE_BYTES = 64

/** A provider of kind `alb`: the claims that an AWS Application Load Balancer passes on and signs. */
export function createAlbScheme(name: string, settings: AlbProvider, context: SchemeContext): Scheme {
  return new AlbScheme(name, settings, context)
}

class AlbScheme implements Scheme {
  readonly name: string
  readonly locations: readonly CredentialLocation[]
  readonly needs: EvidenceNeeds
  readonly #settings: AlbProvider
  readonly #context: SchemeContext
  readonly #rules: AlbRules
  readonly #keys: AlbKeyCache
  readonly #closed = new AbortController()

  constructor(name: string, settings: AlbProvider, context: SchemeContext) {
    const { header, signer, client, issuer, clockSkew, claims } = settings
    this.name = name
    this.locations = [locationOf({ in: 'header', name: header })]
    this.needs = { headers: [header] }
    this.#settings = settings
    this.#context = context
    this.#rules = { provider: name, signers: signer, clients: client, issuer, clockSkewMs: clockSkew, claims }
    const { log, monotonicMs } = context
    this.#keys = new AlbKeyCache({ provider: name, log, monotonicMs, fetchPem: (url) => this.#fetchPem(url) })
  }

  recognises(credential: string): boolean {
    return credential.split('.', 4).length === 3
  }

  authenticate(credential: string): AuthResult | Promise<AuthResult> {
    if (credential.length > MAX_CREDENTIAL_BYTES) return denied('token_too_large')
    const token = parsePadded(credential)
    if (!token.ok) return token
    const named = judgeHeader(token, this.#rules)
    if (typeof named === 'string') return denied(named)
    const key = this.#keys.get(`${this.#keysUrl(named.signer)}/${named.kid}`)
    const digest = hash('sha256', credential, 'base64url')
    return key instanceof Promise
      ? key.then((fetched) => this.#judge(token, digest, fetched))
      : this.#judge(token, digest, key)
  }

  isAway(): boolean {
    return this.#keys.isAway
  }

  /** `endpoint`: where the keys of our load balancers lie. */
  status(): ProviderStatus & { readonly endpoint: string } {
    const places = new Set(this.#rules.signers.map((signer) => this.#keysUrl(signer)))
    return { ...this.#keys.status(), endpoint: [...places].join(' ') }
  }

  close(): void {
    this.#closed.abort()
  }

  /** Without a slash at the end. */
  #keysUrl(signer: string): string {
    return (this.#settings.keysUrl ?? keysUrlOf(signer) ?? '').replace(/\/$/, '')
  }

  #judge(token: PaddedJwt, digest: string, key: KeyObject | NoKey): AuthResult {
    if (typeof key === 'string') return denied(key)
    if (!isSignedBy(token, key)) return denied('signature_invalid')
    const identity = judgePayload(token, digest, this.#rules, this.#context.now())
    return typeof identity === 'string' ? denied(identity) : authenticated(identity)
  }

  async #fetchPem(url: string): Promise<string | undefined> {
    const { caFile, proxy } = this.#settings
    const { status, text } = await httpRequest(new URL(url), {
      headers: { accept: 'application/x-pem-file, text/plain, */*' },
      timeoutMs: keyLimits.timeoutMs,
      maxBytes: MAX_PEM,
      ca: caFile === undefined ? undefined : await readCa(caFile),
      proxy: proxy === undefined ? undefined : new URL(proxy),
      signal: this.#closed.signal,
    })
    // A bucket says 403 of what it does not have.
    if (status === 403 || status === 404) return undefined
    if (status !== 200) throw statusError(status)
    return text
  }
}

/** About 60 us. A signature that OpenSSL cannot read is a wrong one. */
function isSignedBy({ signingInput, signature }: PaddedJwt, key: KeyObject): boolean {
  if (signature.length !== SIGNATURE_BYTES) return false
  try {
    return verify('sha256', signingInput, { key, dsaEncoding: 'ieee-p1363' }, signature)
  } catch {
    return false
  }
}

async function readCa(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch {
    throw new FetchError('caFile cannot be read')
  }
}
