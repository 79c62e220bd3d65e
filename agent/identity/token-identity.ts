import type { AuthMethod, Confirmation, Identity, KeyAge } from './identity.ts'
import { freezeJson, type JsonObject } from './plain-json.ts'
import { digestText } from './token-digest.ts'

/** What a verified token says of its caller, normalised. */
export type TokenFacts = Omit<Identity, 'method' | 'claims' | 'digest' | 'twinDigest' | 'keys'>

/**
 * The caller of a verified JWT. Claims, made safe, and the digests as text are made when they are first read, which few
 * requests do; until then the payload is kept as text where it can be: one string instead of all that was parsed of it,
 * which every collection would move about. Read-only by its type alone: freezing three objects would cost a tenth of what
 * is done with the claims, and nothing but our own code ever holds one.
 */
export class TokenIdentity implements Identity {
  readonly provider: string
  readonly method: AuthMethod = 'jwt'
  readonly issuer: string
  readonly subject: string
  readonly tenant: string
  readonly roles: readonly string[]
  readonly scopes: readonly string[]
  readonly expiresAt: number
  readonly issuedAt: number | undefined
  readonly credentialId: string
  readonly session: string
  readonly confirmation: Confirmation | undefined
  readonly variables: Identity['variables']
  readonly algorithm: string | undefined
  readonly keyId: string | undefined
  readonly #payload: JsonObject | string
  readonly #tokenDigest: string
  readonly #twinDigest: string | undefined
  readonly #keys: KeyAge | undefined
  #claims: Identity['claims'] | undefined
  #digest: string | undefined
  #twin: string | undefined

  /**
   * @param payload as JSON.parse made it, and nobody else may keep it; or its text without escapes
   * @param tokenDigest from `tokenDigest`
   * @param twinDigest from `twinDigest`
   * @param keys that verified it
   */
  constructor(
    facts: TokenFacts,
    payload: JsonObject | string,
    tokenDigest: string,
    twinDigest: string | undefined,
    keys: KeyAge | undefined,
  ) {
    this.provider = facts.provider
    this.issuer = facts.issuer
    this.subject = facts.subject
    this.tenant = facts.tenant
    this.roles = facts.roles
    this.scopes = facts.scopes
    this.expiresAt = facts.expiresAt
    this.issuedAt = facts.issuedAt
    this.credentialId = facts.credentialId
    this.session = facts.session
    this.confirmation = facts.confirmation
    this.variables = facts.variables
    this.algorithm = facts.algorithm
    this.keyId = facts.keyId
    this.#payload = payload
    this.#tokenDigest = tokenDigest
    this.#twinDigest = twinDigest
    this.#keys = keys
  }

  /** Not a member of its own: whoever copies an identity must not take the keys along. */
  get keys(): KeyAge | undefined {
    return this.#keys
  }

  /** Nobody has ever seen them in another state than safe and frozen. */
  get claims(): Identity['claims'] {
    return (this.#claims ??= freezeJson(this.#parsed()))
  }

  #parsed(): JsonObject {
    return typeof this.#payload === 'string' ? (JSON.parse(this.#payload) as JsonObject) : this.#payload
  }

  get digest(): string {
    return (this.#digest ??= digestText(this.#tokenDigest))
  }

  get twinDigest(): string | undefined {
    return this.#twinDigest === undefined ? undefined : (this.#twin ??= digestText(this.#twinDigest))
  }
}
