import { type HeaderField, NO_HEADERS } from '../identity/evidence.ts'
import { type Identity, identityOf, TOLD_ROLES } from '../identity/identity.ts'
import type { RequestFacts } from '../messages.ts'
import { queryParameters } from './query.ts'

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
  readonly #headers: ReadonlyMap<string, HeaderField>
  /** Milliseconds since the epoch; undefined until the time is asked for, unless it was given. */
  #at: number | undefined
  #time: Date | undefined
  #params: ReadonlyMap<string, string | null> | undefined

  /**
   * @param headers fields by lower-case name, as far as spoe.conf sends them
   * @param at when the request came, in milliseconds since the epoch; default: when `time` is read first
   */
  constructor(
    id: string,
    method: string,
    host: string,
    path: string,
    query: string,
    source: string,
    tls: boolean,
    headers: ReadonlyMap<string, HeaderField> = NO_HEADERS,
    at?: number,
  ) {
    this.id = id
    this.method = method
    this.host = host
    this.path = path
    this.query = query
    this.source = source
    this.tls = tls
    this.#headers = headers
    this.#at = at
    this.#time = undefined
    this.#params = undefined
  }

  /** When the request came; the same object each time it is read. */
  get time(): Date {
    return (this.#time ??= new Date(this.atMs))
  }

  /** The same, in milliseconds since the epoch. */
  get atMs(): number {
    return (this.#at ??= Date.now())
  }

  /**
   * A header field, by its name in lower case; undefined when there is none.
   * @throws {Error} when it occurs more than once: servers disagree about which one counts
   */
  header(name: string): string | undefined {
    const field = this.#headers.get(name)
    if (field === undefined) return undefined
    if (field.count > 1) throw new Error(`the request has ${field.count} headers "${name}"`)
    return field.value
  }

  hasHeader(name: string): boolean {
    return this.#headers.has(name)
  }

  /**
   * A parameter of the query, percent-decoded; undefined when there is none.
   * @throws {Error} when it occurs with different values: servers disagree about which one counts
   */
  param(name: string): string | undefined {
    const value = this.#parameters().get(name)
    if (value === null) throw new Error(`the query has several values of "${name}"`)
    return value
  }

  hasParam(name: string): boolean {
    return this.#parameters().has(name)
  }

  #parameters(): ReadonlyMap<string, string | null> {
    return (this.#params ??= queryParameters(this.query))
  }
}

/** `connection` in expressions. */
export class ConnectionView {
  readonly source: string
  readonly tls: boolean
  /** `ssl_fc_protocol`: `TLSv1.3`; empty without TLS. */
  readonly tlsVersion: string
  /** Server name that the client asked for (`ssl_fc_sni`), empty when it named none. */
  readonly sni: string
  /** Protocol agreed on by ALPN (`ssl_fc_alpn`): `h2`; empty when there is none. */
  readonly alpn: string

  constructor(source: string, tls: boolean, tlsVersion = '', sni = '', alpn = '') {
    this.source = source
    this.tls = tls
    this.tlsVersion = tlsVersion
    this.sni = sni
    this.alpn = alpn
  }
}

/** `verdict` in expressions: what workflows have found out about the caller. */
export class VerdictView {
  readonly block: boolean
  /** Empty when no workflow chose one. */
  readonly route: string
  readonly reason: string
  /** 0 when no workflow set one; a bigint because CEL's integers are. */
  readonly limit: bigint
  readonly tags: readonly string[]

  constructor(block = false, route = '', reason = '', limit = 0n, tags: readonly string[] = []) {
    this.block = block
    this.route = route
    this.reason = reason
    this.limit = limit
    this.tags = tags
  }
}

/** Nothing is known. */
export const NO_VERDICT = new VerdictView()

/** What the path of a rule captured, by name. */
export type Captures = Readonly<Record<string, string>>

export const NO_CAPTURES: Captures = Object.freeze(Object.create(null) as Record<string, string>)

/** `identity` in expressions; made once for each verified token. */
export class IdentityView {
  readonly provider: string
  readonly issuer: string
  readonly subject: string
  readonly tenant: string
  readonly roles: readonly string[]
  readonly scopes: readonly string[]
  /** The first of the roles as one variable. A role with a comma in it is left out: it would read as two. */
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
    this.joinedRoles = identity.roles
      .filter((role) => !role.includes(','))
      .slice(0, TOLD_ROLES)
      .join(',')
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
