import type { Identity } from '../identity/identity.ts'
import { NO_VERDICT, type VerdictView } from '../rules/facts.ts'
import { type Entry, ScopeTable } from './scope-table.ts'
import { merge, type Scope } from './verdict.ts'

/** Verdicts by what they are about. */
export class ScopeTables {
  /** When the lookup is made, milliseconds since the epoch. */
  readonly #moment = new Float64Array(1)
  readonly #key = new ScopeTable(this.#moment)
  readonly #credential = new ScopeTable(this.#moment)
  readonly #session = new ScopeTable(this.#moment)
  readonly #subject = new ScopeTable(this.#moment)
  readonly #tenant = new ScopeTable(this.#moment)
  readonly #source = new ScopeTable(this.#moment)
  readonly #tables: Readonly<Record<Scope, ScopeTable>> = {
    key: this.#key,
    credential: this.#credential,
    session: this.#session,
    subject: this.#subject,
    tenant: this.#tenant,
    source: this.#source,
  }

  of(scope: Scope): ScopeTable {
    return this.#tables[scope]
  }

  *[Symbol.iterator](): Generator<Entry> {
    for (const table of Object.values(this.#tables)) yield* table
  }

  /**
   * Asks, from the most specific on: the key that the rule chose; the credential, by its digest, by that of its twin and
   * of the certificate it is bound to, and by its id; session; subject; tenant; source. In each, what is said for the
   * caller's provider comes before what is said for all. All that is found counts, the strictest: any of them blocks, with
   * the reason of the most specific one that does; the smallest limit; the route of the most specific one that has one;
   * all tags. Scopes without entries cost the comparison of a number.
   */
  find(identity: Identity | undefined, source: string, key: string, now: number): VerdictView {
    this.#moment[0] = now
    let view = this.#key.size === 0 || key === '' ? NO_VERDICT : this.#key.find(key, undefined)
    if (identity !== undefined) view = merge(view, this.#ofIdentity(identity))
    return this.#source.size === 0 ? view : merge(view, this.#source.find(source, undefined))
  }

  #ofIdentity(identity: Identity): VerdictView {
    const { provider } = identity
    let view = this.#credential.size === 0 ? NO_VERDICT : this.#ofCredential(identity)
    if (this.#session.size > 0) view = merge(view, this.#session.find(identity.session, provider))
    if (this.#subject.size > 0) view = merge(view, this.#subject.find(identity.subject, provider))
    if (this.#tenant.size > 0) view = merge(view, this.#tenant.find(identity.tenant, provider))
    return view
  }

  /** Apart, because an identity makes these texts when they are first asked for. */
  #ofCredential(identity: Identity): VerdictView {
    const { provider, digest, twinDigest, confirmation, credentialId } = identity
    const table = this.#credential
    let view = table.find(digest, provider)
    if (twinDigest !== undefined) view = merge(view, table.find(twinDigest, provider))
    if (confirmation?.x5t !== undefined) view = merge(view, table.find(confirmation.x5t, provider))
    return merge(view, table.find(credentialId, provider))
  }
}
