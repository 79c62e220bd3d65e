import { type Identity, identityOf } from '../identity/identity.ts'
import type { RequestFacts } from '../messages.ts'

/** The request as rules and workflows see it; one object a request, always the same shape. */
export class RequestView implements RequestFacts {
  readonly id: string
  readonly method: string
  readonly host: string
  /** Canonical, see `canonicalPath`. */
  readonly path: string
  readonly query: string
  readonly source: string
  readonly tls: boolean

  constructor(id: string, method: string, host: string, path: string, query: string, source: string, tls: boolean) {
    this.id = id
    this.method = method
    this.host = host
    this.path = path
    this.query = query
    this.source = source
    this.tls = tls
  }
}

/** `connection` in expressions. */
export class ConnectionView {
  readonly source: string
  readonly tls: boolean

  constructor(source: string, tls: boolean) {
    this.source = source
    this.tls = tls
  }
}

/** `identity` in expressions; made once for each verified token. */
export class IdentityView {
  readonly provider: string
  readonly issuer: string
  readonly subject: string
  readonly tenant: string
  readonly roles: readonly string[]
  readonly scopes: readonly string[]
  /** The roles as one variable. A role with a comma in it is left out: it would read as two. */
  readonly joinedRoles: string
  readonly #identity: Identity

  constructor(identity: Identity) {
    this.provider = identity.provider
    this.issuer = identity.issuer
    this.subject = identity.subject
    this.tenant = identity.tenant
    this.roles = identity.roles
    this.scopes = identity.scopes
    this.#identity = identity
    this.joinedRoles = identity.roles.filter((role) => !role.includes(',')).join(',')
  }

  /** Asked for when an expression reads one: making them safe to read costs more than the rest of the view. */
  get claims(): Identity['claims'] {
    return this.#identity.claims
  }
}

/** `identity` of a caller that nothing is known of, on rules that let such callers pass: every field is empty. */
export const ANONYMOUS = new IdentityView(
  identityOf({ provider: '', method: 'jwt', issuer: '', subject: '', digest: '' }),
)

const views = new WeakMap<Identity, IdentityView>()

export function identityView(identity: Identity): IdentityView {
  let view = views.get(identity)
  if (view === undefined) {
    view = new IdentityView(identity)
    views.set(identity, view)
  }
  return view
}

const HOST = /^(?:([a-z0-9_-]+(?:\.[a-z0-9_-]+)*)\.?|(\[[0-9a-f:.]+\]))(?::\d{1,5})?$/i

/**
 * The Host header in small letters, without port and without the dot that may end a full name (`[::1]:8443` keeps its
 * brackets); empty when there is none. `undefined` for anything else: servers disagree about what it names, and a rule
 * for one host must not be passed by another spelling of it.
 */
export function canonicalHost(host: string | undefined): string | undefined {
  if (host === undefined || host === '') return ''
  const match = HOST.exec(host)
  const name = match?.[1] ?? match?.[2]
  return name === undefined || !/[A-Z]/.test(name) ? name : name.toLowerCase()
}
