import type { AuthMethod, Confirmation, Identity } from './identity.ts'
import { freezeJson, type JsonObject } from './plain-json.ts'
import { digestText } from './token-digest.ts'

/** What a verified token says of its caller, normalised. */
export type TokenFacts = Omit<Identity, 'method' | 'claims' | 'digest'>

/**
 * The caller of a verified JWT. What few requests ask for, claims made safe and the digest as text, is made when it is
 * first read: together they take as long as everything else that is done with the claims. Frozen; what comes later is
 * private and only ever the same.
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
  readonly #payload: JsonObject
  readonly #tokenDigest: string
  #claims: Identity['claims'] | undefined
  #digest: string | undefined

  /**
   * @param payload as JSON.parse made it; nobody else may keep it
   * @param tokenDigest from `tokenDigest`
   */
  constructor(facts: TokenFacts, payload: JsonObject, tokenDigest: string) {
    this.provider = facts.provider
    this.issuer = facts.issuer
    this.subject = facts.subject
    this.tenant = facts.tenant
    this.roles = Object.freeze(facts.roles)
    this.scopes = Object.freeze(facts.scopes)
    this.expiresAt = facts.expiresAt
    this.issuedAt = facts.issuedAt
    this.credentialId = facts.credentialId
    this.session = facts.session
    this.confirmation = facts.confirmation
    this.variables = facts.variables
    this.#payload = payload
    this.#tokenDigest = tokenDigest
    Object.freeze(this)
  }

  /** Nobody has ever seen them in another state than safe and frozen. */
  get claims(): Identity['claims'] {
    return (this.#claims ??= freezeJson(this.#payload))
  }

  get digest(): string {
    return (this.#digest ??= digestText(this.#tokenDigest))
  }
}
