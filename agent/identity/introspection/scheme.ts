import type { IntrospectionProvider } from '../../config/providers/introspection.ts'
import { WatchedFile } from '../../secrets/secret-file.ts'
import { defaults } from '../config.ts'
import { FetchError } from '../http/fetch-error.ts'
import { ConnectionPool } from '../http/pool.ts'
import { type AuthResult, authenticated } from '../identity.ts'
import type { ProviderStatus } from '../keys.ts'
import { type CredentialLocation, locationOf } from '../location.ts'
import { denied } from '../reasons.ts'
import { type Asked, RemoteCache, type Told } from '../remote/cache.ts'
import type { EvidenceNeeds, Scheme, SchemeContext } from '../scheme.ts'
import { digestText, tokenDigest } from '../token-digest.ts'
import { type AnswerRules, answerRules, judgeAnswer, judgeMoment } from './claims.ts'
import { type ClientAuth, createClientAuth } from './client-auth.ts'
import { DiscoveredEndpoint } from './endpoint.ts'
import { introspect } from './question.ts'

/** Milliseconds after which an idle connection to the endpoint is closed. */
const IDLE_MS = 30_000

/** Bytes of an entry beside its claims, and of claims per character of their answer: as of verified tokens. */
const ENTRY_BYTES = 1024
const BYTES_PER_CHARACTER = 2

/** RFC 7515 section 3.1; the signature of an unsecured one is empty. */
const JWT = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*$/

/** VSCHAR of RFC 6749 appendix A.12, but no space: what no token can hold is nobody asked about. */
const TOKEN = /^[\x21-\x7e]+$/

/** Tokens that only their issuer can read (RFC 7662). */
export function createIntrospectionScheme(
  name: string,
  settings: IntrospectionProvider,
  context: SchemeContext,
): IntrospectionScheme {
  return new IntrospectionScheme(name, settings, context)
}

export class IntrospectionScheme implements Scheme {
  readonly name: string
  readonly locations: readonly CredentialLocation[]
  /** Of key binding, which is checked after every cache. */
  readonly needs: EvidenceNeeds
  readonly cache: RemoteCache<AuthResult>
  readonly #settings: IntrospectionProvider
  readonly #context: SchemeContext
  readonly #rules: AnswerRules
  readonly #clientAuth: ClientAuth
  readonly #endpoint: URL | DiscoveredEndpoint
  readonly #ca: WatchedFile<string> | undefined
  readonly #proxy: URL | undefined
  readonly #pool: ConnectionPool

  constructor(name: string, settings: IntrospectionProvider, context: SchemeContext) {
    const { issuer, client, cache, concurrency, caFile, timeout } = settings
    const { log, monotonicMs } = context
    this.name = name
    this.locations = (settings.token ?? defaults.locations).map(locationOf)
    this.needs = {
      ...(settings.dpop !== undefined && { headers: ['dpop'] }),
      ...(settings.binding === 'required' && { certificate: true }),
    }
    this.#settings = settings
    this.#context = context
    this.#rules = answerRules(name, settings)
    this.#clientAuth = createClientAuth(client, issuer, context)
    this.#ca = caFile === undefined ? undefined : new WatchedFile({ path: caFile, parse: (text) => text, log })
    this.#proxy = settings.proxy === undefined ? undefined : new URL(settings.proxy)
    this.#endpoint =
      settings.endpoint === undefined
        ? new DiscoveredEndpoint({
            provider: name,
            issuer,
            mutualTls: client.method === 'tls_client_auth',
            log,
            fetchOptions: () => ({ timeoutMs: timeout, maxBytes: 256 * 1024, ca: this.#ca?.value, proxy: this.#proxy }),
          })
        : new URL(settings.endpoint)
    this.#pool = new ConnectionPool({
      maxSockets: concurrency,
      idleMs: IDLE_MS,
      connectTimeoutMs: timeout,
      proxy: this.#proxy,
    })
    const limits = { maxEntries: cache.maxEntries, maxPending: concurrency }
    this.cache = new RemoteCache({ provider: name, log, monotonicMs, limits })
  }

  recognises(token: string): boolean {
    const { tokens, prefix } = this.#settings
    if (prefix?.some((start) => token.startsWith(start)) === false) return false
    return tokens === 'any' || !JWT.test(token)
  }

  authenticate(token: string): AuthResult | Promise<AuthResult> {
    // Where nobody else looks at the place, the authenticator does not ask first whether the token is of our kind.
    if (!TOKEN.test(token) || !this.recognises(token)) return denied('malformed_token')
    const digest = digestText(tokenDigest(token))
    const known = this.cache.fresh(digest)
    if (known !== undefined) return this.#atThisMoment(known)
    if (!this.#clientAuth.ready) return denied('secrets_unavailable')
    const asked = this.cache.ask(digest, (signal) => this.#ask(token, digest, signal))
    return asked instanceof Promise ? asked.then((late) => this.#conclude(late)) : this.#conclude(asked)
  }

  start(): void {
    void this.#start()
  }

  ready(): boolean {
    return !this.#settings.required || (this.#clientAuth.ready && this.#url !== undefined)
  }

  isAway(): boolean {
    return this.cache.isDown
  }

  status(): ProviderStatus {
    const { counters, lastError } = this.cache
    const error =
      this.#clientAuth.lastError ??
      this.#ca?.lastError ??
      (this.#endpoint instanceof URL ? undefined : this.#endpoint.lastError) ??
      lastError
    return {
      provider: this.name,
      keys: 0,
      ageS: this.cache.answeredSecondsAgo,
      stale: this.cache.isDown,
      ...(error === undefined ? {} : { lastError: error }),
      fetches: { ok: counters.ok, failed: counters.failed },
    }
  }

  close(): void {
    this.cache.close()
    this.#clientAuth.close()
    this.#ca?.close()
    if (!(this.#endpoint instanceof URL)) this.#endpoint.close()
    this.#pool.close()
  }

  get #url(): URL | undefined {
    return this.#endpoint instanceof URL ? this.#endpoint : this.#endpoint.url
  }

  async #start(): Promise<void> {
    await Promise.all([this.#clientAuth.start(), this.#ca?.start()])
    if (!(this.#endpoint instanceof URL)) await this.#endpoint.start()
  }

  async #ask(token: string, digest: string, signal: AbortSignal): Promise<Told<AuthResult>> {
    const url = this.#url
    if (url === undefined) throw new FetchError('the introspection endpoint is not known yet')
    const proof = await this.#clientAuth.prove()
    if (proof === undefined) throw new FetchError('the client credentials cannot be read')
    const { body, length } = await introspect(url, token, proof, {
      timeoutMs: this.#settings.timeout,
      ca: this.#ca?.value,
      proxy: this.#proxy,
      pool: this.#pool,
      signal,
    })
    const { active, inactive, maxStale } = this.#settings.cache
    const judged = judgeAnswer(body, digest, this.#rules)
    if (typeof judged === 'string') return { value: denied(judged), negative: true, freshMs: inactive, bytes: 0 }
    const leftMs = Math.max(0, judged.expiresAt * 1000 - this.#context.now())
    return {
      value: authenticated(judged),
      negative: false,
      freshMs: Math.min(active, leftMs),
      staleMs: maxStale,
      bytes: ENTRY_BYTES + BYTES_PER_CHARACTER * length,
    }
  }

  #conclude(asked: Asked<AuthResult>): AuthResult {
    if (asked === 'overload') return denied('overload')
    return asked === 'unavailable' ? denied('introspection_unavailable') : this.#atThisMoment(asked.value)
  }

  /** The clock goes on while an answer is remembered. */
  #atThisMoment(result: AuthResult): AuthResult {
    if (!result.ok) return result
    const { clockSkewS } = this.#rules.provider
    const reason = judgeMoment(result.identity, clockSkewS, this.#context.now() / 1000)
    return reason === undefined ? result : denied(reason)
  }
}
