import type { Denied } from './reasons.ts'

/** How an identity was proven: also the `type` of the actor that workflows see. */
export type AuthMethod = 'jwt' | 'introspection' | 'certificate' | 'aws' | 'api_key' | 'webhook' | 'forward_auth'

/**
 * Roles, and scopes, that one caller may have. With more the credential is refused: a list that was cut would take a role
 * from a rule that denies by it as well as from one that allows.
 */
export const MAX_NAMES = 512
/** How many of them are told to others: servers behind HAProxy (frames have a size), and workflows (histories cost). */
export const TOLD_ROLES = 50
export const TOLD_SCOPES = 100

/** The key that a credential is bound to (RFC 7800 `cnf`): whoever shows it must prove that key too. */
export interface Confirmation {
  /** RFC 7638 thumbprint of a DPoP key (RFC 9449 section 6). */
  readonly jkt?: string
  /** SHA-256 of a client certificate, base64url (RFC 8705 section 3.1). */
  readonly x5t?: string
}

/** How old the published keys are that a credential was verified with, now: they are fetched again while it is remembered. */
export interface KeyAge {
  /** Seconds since they were fetched. */
  readonly ageS: number
  /** Whether they are past their refresh time, and serve because their issuer cannot be asked. */
  readonly stale: boolean
}

/** Who calls, proven by a credential of one provider. Frozen: one object serves every request that shows the credential. */
export interface Identity {
  /** Name of the provider in agent.yaml. */
  readonly provider: string
  readonly method: AuthMethod
  /** `iss` claim, equal to a configured issuer; for other methods what vouches for the caller, such as a trust domain. */
  readonly issuer: string
  /** 1 to 1024 bytes of UTF-8 without control characters. Unique within its provider only. */
  readonly subject: string
  /** Empty when the credential names none. */
  readonly tenant: string
  /** Up to {@link MAX_NAMES}, each at most 256 bytes, without duplicates. An entry may hold a comma: join with care. */
  readonly roles: readonly string[]
  /** Up to {@link MAX_NAMES}, each at most 256 bytes, without duplicates. */
  readonly scopes: readonly string[]
  /** The credential's claims, deeply frozen; objects have no prototype, so `claims['constructor']` is a claim or undefined. */
  readonly claims: Readonly<Record<string, unknown>>
  /** `exp` claim, notAfter and the like: seconds since the epoch, possibly a fraction; Infinity when it never expires. */
  readonly expiresAt: number
  /** `iat` claim and the like: seconds since the epoch; undefined when unknown. */
  readonly issuedAt: number | undefined
  /** `jti` claim, id of an API key, serial number of a certificate: names the credential; empty when it has no name. */
  readonly credentialId: string
  /** `sid` claim; empty when there is none. */
  readonly session: string
  /** SHA-256 of the credential, base64url: of the token as sent, of the certificate's DER. By it a credential is revoked. */
  readonly digest: string
  /**
   * Digest of the same token or certificate under the other signature that ECDSA allows, which revokes it too; undefined
   * without one.
   */
  readonly twinDigest?: string | undefined
  /** `alg` and `kid` of the token's header, which its issuer has signed; undefined where there are none. */
  readonly algorithm?: string | undefined
  readonly keyId?: string | undefined
  /** Of the key set that its issuer publishes; undefined where there is none. */
  readonly keys?: KeyAge | undefined
  /** Undefined: whoever shows the credential may use it. */
  readonly confirmation: Confirmation | undefined
  /** Claims that the provider maps to variables of HAProxy (`claims.variables`), by variable name. */
  readonly variables: Readonly<Record<string, string | number | boolean>>
}

export interface Authenticated {
  readonly ok: true
  readonly identity: Identity
}

/** Frozen and shared: compare, never change. */
export type AuthResult = Authenticated | Denied

/** No claims, no variables. */
export const NOTHING: Readonly<Record<string, never>> = Object.freeze(Object.create(null) as Record<string, never>)
const EMPTY: readonly string[] = Object.freeze([])

/** What a method must say of a caller; the rest has defaults that mean "none". */
type Known = Pick<Identity, 'provider' | 'method' | 'issuer' | 'subject' | 'digest'> & Partial<Identity>

/** A frozen identity; that of a JWT is made by `TokenIdentity`. */
export function identityOf(known: Known): Identity {
  return Object.freeze({
    provider: known.provider,
    method: known.method,
    issuer: known.issuer,
    subject: known.subject,
    tenant: known.tenant ?? '',
    roles: known.roles === undefined ? EMPTY : Object.freeze(known.roles),
    scopes: known.scopes === undefined ? EMPTY : Object.freeze(known.scopes),
    claims: known.claims ?? NOTHING,
    expiresAt: known.expiresAt ?? Number.POSITIVE_INFINITY,
    issuedAt: known.issuedAt,
    credentialId: known.credentialId ?? '',
    session: known.session ?? '',
    digest: known.digest,
    twinDigest: known.twinDigest,
    algorithm: known.algorithm,
    keyId: known.keyId,
    keys: known.keys,
    confirmation: known.confirmation,
    variables: known.variables ?? NOTHING,
  })
}

export function authenticated(identity: Identity): Authenticated {
  return Object.freeze({ ok: true, identity })
}
