import type { ForwardAuthProvider } from '../../config/providers/forward-auth.ts'
import type { Evidence } from '../evidence.ts'
import { type HttpAnswer, httpRequest } from '../http/request.ts'
import { type AuthResult, authenticated } from '../identity.ts'
import { type CredentialLocation, locationOf } from '../location.ts'
import { denied, type DenyReason } from '../reasons.ts'
import type { Asked, RemoteCache, Told } from '../remote/cache.ts'
import { exchangeError, statusError } from '../remote/failure.ts'
import { Peer } from '../remote/peer.ts'
import type { RemoteStatus } from '../remote/status.ts'
import type { EvidenceNeeds, Scheme, SchemeContext } from '../scheme.ts'
import { answerHeaders, type AnswerSettings, judgeHeaders } from './answer.ts'
import { sessionCookies } from './cookies.ts'
import { presets } from './presets.ts'
import { digestOf, type Question, questionOf, type QuestionSettings } from './question.ts'

/** Bytes: nobody reads the body, but a login page may come along. */
const MAX_ANSWER_BYTES = 64 * 1024

/** Bytes of an entry, its few claims included. */
const ENTRY_BYTES = 4096

const PRINTABLE = /^[\x20-\x7e]*$/

/** Sessions of a login service, checked by asking it. */
export function createForwardAuthScheme(
  name: string,
  settings: ForwardAuthProvider,
  context: SchemeContext,
): ForwardAuthScheme {
  return new ForwardAuthScheme(name, settings, context)
}

export class ForwardAuthScheme implements Scheme {
  readonly name: string
  readonly locations: readonly CredentialLocation[]
  readonly needs: EvidenceNeeds
  readonly cache: RemoteCache<AuthResult>
  readonly #settings: ForwardAuthProvider
  readonly #url: URL
  readonly #cookies: CredentialLocation | undefined
  readonly #authorizations: readonly CredentialLocation[]
  readonly #question: QuestionSettings
  readonly #answer: AnswerSettings
  readonly #peer: Peer

  constructor(name: string, settings: ForwardAuthProvider, context: SchemeContext) {
    const { preset, forward } = settings
    const known = preset === undefined ? undefined : presets[preset]
    const cookies = settings.cookies ?? known?.cookies
    this.name = name
    this.#settings = settings
    this.#url = new URL(settings.url)
    if (known !== undefined && this.#url.pathname === '/') this.#url.pathname = known.path
    this.#cookies = cookies === undefined ? undefined : sessionCookies(cookies)
    this.#authorizations = (settings.authorization ?? []).map((scheme) => locationOf({ in: 'authorization', scheme }))
    this.locations = [...(this.#cookies === undefined ? [] : [this.#cookies]), ...this.#authorizations]
    this.needs = { headers: [...(this.#cookies === undefined ? [] : ['cookie']), ...forward] }
    this.#question = { per: new Set(settings.per ?? known?.per ?? ['host']), forward }
    const claims = { ...known?.claims, ...withoutUndefined(settings.claims) }
    this.#answer = {
      provider: name,
      issuer: this.#url.origin,
      subject: claims.subject ?? '',
      tenant: claims.tenant,
      roles: claims.roles,
      email: claims.email,
      separator: claims.separator ?? ',',
      variables: settings.claims.variables,
    }
    this.#peer = new Peer(name, settings, context, (signal) => this.#askOfNobody(signal))
    this.cache = this.#peer.cache
  }

  /** What a session looks like is known to its server alone. */
  recognises(): boolean {
    return true
  }

  authenticate(_credential: string, evidence: Evidence): AuthResult | Promise<AuthResult> {
    const credentials = this.#credentials(evidence)
    if (typeof credentials === 'string') return denied(credentials)
    const question = questionOf(credentials, evidence, this.#question)
    if (typeof question === 'string') return denied(question)
    const known = this.cache.fresh(question.key)
    if (known !== undefined) return known
    const asked = this.cache.ask(question.key, (signal) => this.#ask(question, digestOf(credentials), signal))
    return asked instanceof Promise ? asked.then(conclude) : conclude(asked)
  }

  start(): void {
    void this.#peer.start()
  }

  isAway(): boolean {
    return this.#peer.isAway
  }

  status(): RemoteStatus {
    return this.#peer.status({ endpoint: this.#url.href, away: this.isAway() })
  }

  close(): void {
    this.#peer.close()
  }

  /** All that may prove the session, whichever of the places the authenticator found it at. */
  #credentials(evidence: Evidence): Record<string, string> | DenyReason {
    const credentials: Record<string, string> = {}
    const cookies = this.#cookies?.read(evidence)
    if (typeof cookies === 'object') return cookies.reason
    if (cookies !== undefined) credentials['cookie'] = cookies
    for (const location of this.#authorizations) {
      const value = location.read(evidence)
      if (typeof value === 'object') return value.reason
      if (value === undefined) continue
      const field = evidence.authorization ?? ''
      if (!PRINTABLE.test(field)) return 'malformed_token'
      credentials['authorization'] = field
    }
    return Object.keys(credentials).length === 0 ? 'no_credentials' : credentials
  }

  async #ask(question: Question, digest: string, signal: AbortSignal): Promise<Told<AuthResult>> {
    const { cache, onForbidden } = this.#settings
    const { status, headers } = await this.#exchange(question.headers, signal)
    const judged = this.#judge(status, headers, digest, onForbidden)
    if (typeof judged === 'string') return { value: denied(judged), negative: true, freshMs: cache.refused, bytes: 0 }
    return { value: judged, negative: false, freshMs: cache.active, staleMs: cache.maxStale, bytes: ENTRY_BYTES }
  }

  /** Without any session, and of nothing that a client has sent. */
  async #askOfNobody(signal: AbortSignal): Promise<void> {
    const headers = { 'x-forwarded-method': 'GET', 'x-forwarded-proto': 'https', 'x-forwarded-uri': '/' }
    const answer = await this.#exchange(headers, signal)
    this.#judge(answer.status, {}, '', 'inactive')
  }

  async #exchange(headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<HttpAnswer> {
    try {
      return await httpRequest(this.#url, {
        ...this.#peer.options(signal),
        headers,
        maxBytes: MAX_ANSWER_BYTES,
        answerHeaders: answerHeaders(this.#answer),
      })
    } catch (error) {
      throw exchangeError(error)
    }
  }

  /** @throws {FetchError} a status that is neither yes nor no */
  #judge(
    status: number,
    headers: Readonly<Record<string, string | undefined>>,
    digest: string,
    onForbidden: DenyReason,
  ): AuthResult | DenyReason {
    if (status >= 200 && status < 300) {
      const identity = judgeHeaders(headers, digest, this.#answer)
      return typeof identity === 'string' ? identity : authenticated(identity)
    }
    if (status === 403) return onForbidden
    // A redirect leads to the login page.
    if (status === 401 || [302, 303, 307].includes(status)) return 'inactive'
    throw statusError(status)
  }
}

function conclude(asked: Asked<AuthResult>): AuthResult {
  if (asked === 'overload') return denied('overload')
  return asked === 'unavailable' ? denied('forward_auth_unavailable') : asked.value
}

function withoutUndefined<T extends object>(value: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as never
}
