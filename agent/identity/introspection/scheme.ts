import { randomUUID } from 'node:crypto'
import type { IntrospectionProvider } from '../../config/providers/introspection.ts'
import { defaults } from '../config.ts'
import { FetchError } from '../http/fetch-error.ts'
import { type AuthResult, authenticated } from '../identity.ts'
import { type CredentialLocation, locationOf } from '../location.ts'
import { denied } from '../reasons.ts'
import type { Asked, RemoteCache, Told } from '../remote/cache.ts'
import { Peer } from '../remote/peer.ts'
import type { RemoteStatus } from '../remote/status.ts'
import type { EvidenceNeeds, Scheme, SchemeContext } from '../scheme.ts'
import { digestText, tokenDigest } from '../token-digest.ts'
import { type AnswerRules, answerRules, judgeAnswer, judgeMoment } from './claims.ts'
import { type ClientAuth, createClientAuth } from './client-auth.ts'
import { DiscoveredEndpoint } from './endpoint.ts'
import { type Answer, introspect } from './question.ts'
import { isRespelled } from './respelled.ts'
import { twinOf } from './twin.ts'

/** Bytes of a metadata document. */
const MAX_METADATA_BYTES = 256 * 1024

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
  readonly #peer: Peer

  constructor(name: string, settings: IntrospectionProvider, context: SchemeContext) {
    const { issuer, client, timeout } = settings
    this.name = name
    this.locations = (settings.token ?? defaults.locations).map(locationOf)
    this.needs = {
      ...(settings.dpop !== undefined && { headers: ['dpop'] }),
      ...(settings.binding === 'required' && settings.dpop === undefined && { certificate: true }),
    }
    this.#settings = settings
    this.#context = context
    this.#rules = answerRules(name, settings)
    this.#clientAuth = createClientAuth(client, issuer, context)
    this.#peer = new Peer(name, settings, context, (signal) => this.#introspect(randomUUID(), signal))
    this.cache = this.#peer.cache
    this.#endpoint =
      settings.endpoint === undefined
        ? new DiscoveredEndpoint({
            provider: name,
            issuer,
            mutualTls: client.method === 'tls_client_auth',
            log: context.log,
            fetchOptions: () => ({
              timeoutMs: timeout,
              maxBytes: MAX_METADATA_BYTES,
              ca: this.#peer.ca,
              proxy: this.#peer.proxy,
            }),
          })
        : new URL(settings.endpoint)
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
    if (isRespelled(token)) return denied('malformed_token')
    if (!this.#clientAuth.ready) return denied('secrets_unavailable')
    const asked = this.cache.ask(digest, (signal) => this.#ask(token, digest, signal))
    return asked instanceof Promise ? asked.then((late) => this.#conclude(late)) : this.#conclude(asked)
  }

  start(): void {
    void this.#start()
  }

  ready(): boolean {
    return !this.#settings.required || this.#canAsk
  }

  isAway(): boolean {
    return !this.#canAsk || this.#peer.isAway
  }

  status(): RemoteStatus {
    const error = this.#clientAuth.lastError ?? (this.#endpoint instanceof URL ? undefined : this.#endpoint.lastError)
    return this.#peer.status({ endpoint: this.#url?.href ?? this.#settings.issuer, error, away: this.isAway() })
  }

  close(): void {
    this.#peer.close()
    this.#clientAuth.close()
    if (!(this.#endpoint instanceof URL)) this.#endpoint.close()
  }

  /** Whether we know whom to ask, and can say who asks. */
  get #canAsk(): boolean {
    return this.#clientAuth.ready && this.#url !== undefined
  }

  get #url(): URL | undefined {
    return this.#endpoint instanceof URL ? this.#endpoint : this.#endpoint.url
  }

  async #start(): Promise<void> {
    await Promise.all([this.#clientAuth.start(), this.#peer.start()])
    if (!(this.#endpoint instanceof URL)) await this.#endpoint.start()
  }

  async #ask(token: string, digest: string, signal: AbortSignal): Promise<Told<AuthResult>> {
    const { body, length } = await this.#introspect(token, signal)
    const { active, inactive, maxStale } = this.#settings.cache
    const twin = twinOf(token)
    const judged = judgeAnswer(body, digest, this.#rules, twin === undefined ? undefined : digestText(twin))
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

  async #introspect(token: string, signal: AbortSignal): Promise<Answer> {
    const url = this.#url
    if (url === undefined) throw new FetchError('the introspection endpoint is not known yet')
    const proof = await this.#clientAuth.prove()
    if (proof === undefined) throw new FetchError('the client credentials cannot be read')
    return introspect(url, token, proof, this.#peer.options(signal))
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
