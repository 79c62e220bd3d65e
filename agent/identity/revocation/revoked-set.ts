import { twinX5tOf } from '../certificate/twin.ts'
import type { Identity } from '../identity.ts'
import type { RevocationEntry } from './entry.ts'

/** What is kept of an entry; several of one key are chained. Kept small: there may be a million. */
interface Revoked {
  readonly provider: string | undefined
  readonly issuer: string | undefined
  readonly issuedBefore: number
  readonly until: number
  next: Revoked | undefined
}

type Table = Map<string, Revoked>

/**
 * Revocations by what they name. Looking an identity up costs a lookup for each kind that has entries, and makes no
 * strings. An entry of a token takes about 250 bytes, see docs/identity/revocation.md.
 */
export class RevokedSet {
  readonly #byId: Table = new Map()
  readonly #bySubject: Table = new Map()
  readonly #bySession: Table = new Map()
  readonly #byDigest: Table = new Map()
  /** `all` entries: by provider, and by issuer those that name no provider. */
  readonly #byProvider: Table = new Map()
  readonly #byIssuer: Table = new Map()
  #size = 0

  get size(): number {
    return this.#size
  }

  /** Puts an entry in, unless one that says at least as much is there; those that say no more than it are dropped. */
  add(entry: RevocationEntry): void {
    const [table, key] = this.#place(entry)
    if (table.has(key)) {
      for (let at = table.get(key); at !== undefined; at = at.next) if (covers(at, entry)) return
      this.#keep(table, key, (revoked) => !covers(entry, revoked))
    }
    const { provider, issuer, issuedBefore, until } = entry
    table.set(key, { provider, issuer, issuedBefore, until, next: table.get(key) })
    this.#size++
  }

  /** Takes the entries out that name the same of the same issuer and provider. @returns whether there was one */
  remove(entry: RevocationEntry): boolean {
    const [table, key] = this.#place(entry)
    const before = this.#size
    if (table.has(key)) this.#keep(table, key, (revoked) => !sameScope(revoked, entry))
    return this.#size < before
  }

  /**
   * Whether an entry names this identity.
   * @param nowMs milliseconds since the epoch
   * @param shown certificate of the request, DER, for a credential that is bound to one
   */
  has(identity: Identity, nowMs: number, shown?: Uint8Array): boolean {
    if (this.#size === 0) return false
    return (
      hit(this.#byId, identity.credentialId, identity, nowMs) ||
      (this.#byDigest.size > 0 && this.#hasDigest(identity, nowMs, shown)) ||
      hit(this.#bySubject, identity.subject, identity, nowMs) ||
      hit(this.#bySession, identity.session, identity, nowMs) ||
      hit(this.#byProvider, identity.provider, identity, nowMs) ||
      hit(this.#byIssuer, identity.issuer, identity, nowMs)
    )
  }

  /** Apart, because an identity makes these texts when they are first asked for. */
  #hasDigest(identity: Identity, nowMs: number, shown: Uint8Array | undefined): boolean {
    const { digest, twinDigest, confirmation } = identity
    const x5t = confirmation?.x5t
    // One that was bound to the twin of a revoked certificate: the holder has shown that to the issuer.
    const twinX5t = x5t === undefined || shown === undefined ? undefined : twinX5tOf(Buffer.from(shown))
    return (
      hit(this.#byDigest, digest, identity, nowMs) ||
      // Whoever holds a token signed with ECDSA can send it under another signature: one entry revokes both.
      (twinDigest !== undefined && hit(this.#byDigest, twinDigest, identity, nowMs)) ||
      // A token is worth no more than the certificate it is bound to.
      (x5t !== undefined && hit(this.#byDigest, x5t, identity, nowMs)) ||
      (twinX5t !== undefined && hit(this.#byDigest, twinX5t, identity, nowMs))
    )
  }

  /** Drops what is over, some keys at each step, so that the caller may pause in between. */
  *sweep(nowMs: number): Generator<void> {
    for (const table of [
      this.#byId,
      this.#bySubject,
      this.#bySession,
      this.#byDigest,
      this.#byProvider,
      this.#byIssuer,
    ]) {
      for (const key of table.keys()) {
        this.#keep(table, key, (revoked) => revoked.until > nowMs)
        yield
      }
    }
  }

  #place({ kind, key, provider, issuer }: RevocationEntry): [Table, string] {
    switch (kind) {
      case 'jti':
        return [this.#byId, key]
      case 'subject':
        return [this.#bySubject, key]
      case 'session':
        return [this.#bySession, key]
      case 'digest':
        return [this.#byDigest, key]
      case 'all':
        return provider === undefined ? [this.#byIssuer, issuer ?? ''] : [this.#byProvider, provider]
    }
  }

  #keep(table: Table, key: string, stays: (revoked: Revoked) => boolean): void {
    let kept: Revoked | undefined
    for (let at = table.get(key); at !== undefined;) {
      const { next } = at
      if (stays(at)) {
        at.next = kept
        kept = at
      } else {
        this.#size--
      }
      at = next
    }
    if (kept === undefined) table.delete(key)
    else table.set(key, kept)
  }
}

type Terms = Pick<Revoked, 'provider' | 'issuer' | 'issuedBefore' | 'until'>

function sameScope(a: Terms, b: Terms): boolean {
  return a.provider === b.provider && a.issuer === b.issuer
}

function covers(a: Terms, b: Terms): boolean {
  return sameScope(a, b) && a.issuedBefore >= b.issuedBefore && a.until >= b.until
}

function hit(table: Table, key: string, identity: Identity, nowMs: number): boolean {
  if (table.size === 0) return false
  for (let at = table.get(key); at !== undefined; at = at.next) {
    if (at.until <= nowMs) continue
    if (at.provider !== undefined && at.provider !== identity.provider) continue
    if (at.issuer !== undefined && at.issuer !== identity.issuer) continue
    // A credential that does not tell when it was issued may be an old one.
    if (identity.issuedAt === undefined || identity.issuedAt < at.issuedBefore) return true
  }
  return false
}
