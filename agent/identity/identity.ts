import type { Denied } from './reasons.ts'

/** Who calls, proven by a credential of one provider. Frozen: one object serves every request that shows the token. */
export interface Identity {
  /** Name of the provider in agent.yaml. */
  readonly provider: string
  /** `iss` claim, equal to the provider's configured issuer. */
  readonly issuer: string
  /** 1 to 1024 bytes of UTF-8 without control characters. Unique within its provider only. */
  readonly subject: string
  /** Empty when the token names none. */
  readonly tenant: string
  /** At most 50, each at most 256 bytes, without duplicates. An entry may hold a comma: join with care. */
  readonly roles: readonly string[]
  /** At most 100, each at most 256 bytes, without duplicates. */
  readonly scopes: readonly string[]
  /** The token's claims, deeply frozen; objects have no prototype, so `claims['constructor']` is a claim or undefined. */
  readonly claims: Readonly<Record<string, unknown>>
  /** `exp` claim: seconds since the epoch, possibly a fraction. */
  readonly expiresAt: number
}

export interface Authenticated {
  readonly ok: true
  readonly identity: Identity
}

/** Frozen and shared: compare, never change. */
export type AuthResult = Authenticated | Denied
