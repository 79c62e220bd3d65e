import { randomUUID } from 'node:crypto'
import type { ArgType, MessageView } from 'node-spoe'
import {
  type BodyEvidence,
  type CertificateEvidence,
  type Evidence,
  type HeaderField,
  NO_HEADERS,
} from './identity/evidence.ts'
import type { Needs } from './identity/scheme.ts'
import type { ConnectionFact } from './rules/cel.ts'
import type { RuleNeeds } from './rules/rule-set.ts'

/** Arguments of the `check` message in spoe.conf that every configuration needs, by name. */
export const CHECK_ARGUMENTS = {
  id: 'string',
  method: 'string',
  host: 'string',
  path: 'string',
  query: 'string',
  src: 'ip',
  tls: 'bool',
  auth: 'string',
  auth_count: 'int',
} as const

/** Those that some kinds of credentials need besides, and what HAProxy has to fetch for them. */
const CERTIFICATE_FETCHES = { cert: 'ssl_c_der', cert_used: 'ssl_c_used', cert_verify: 'ssl_c_verify' } as const
const BODY_FETCHES = { body: 'req.body', body_size: 'req.body_size' } as const
/** And what rules read of a connection. */
const CONNECTION_FETCHES = {
  tlsVersion: ['tls_version', 'ssl_fc_protocol'],
  sni: ['sni', 'ssl_fc_sni'],
  alpn: ['alpn', 'ssl_fc_alpn'],
} as const satisfies Record<ConnectionFact, readonly [argument: string, fetch: string]>
const CONNECTION_TYPES = { tls_version: 'string', sni: 'string', alpn: 'string' } as const
const EXTRA_TYPES: Readonly<Record<string, ArgType>> = {
  cert: 'bytes',
  cert_used: 'bool',
  cert_verify: 'int',
  body: 'bytes',
  body_size: 'int',
}

/** Arguments of the message `connect`, which asks about a connection. */
export const CONNECT_ARGUMENTS = { id: 'string', src: 'ip', tls: 'bool' } as const

/** What a configuration needs of HAProxy: for its providers, and for its rules. */
export interface RequestNeeds extends Needs {
  readonly connection: readonly ConnectionFact[]
  /**
   * Arguments without which a rule would be skipped that reads them, in silence: a request that comes without is refused.
   * HAProxy sends an argument also where there is nothing to fetch.
   */
  readonly required: readonly string[]
}

export function requestNeeds(providers: Needs, rules: RuleNeeds): RequestNeeds {
  const headers = [...new Set([...providers.headers, ...rules.headers])]
  const required = [
    ...rules.others,
    ...rules.headers.flatMap(headerArguments),
    ...rules.connection.map((fact) => CONNECTION_FETCHES[fact][0]),
  ]
  return { ...providers, headers, connection: rules.connection, required }
}

/** An argument that the configured providers need, and the fetch that gives it. */
export interface ExtraArgument {
  readonly name: string
  readonly fetch: string
  readonly type: ArgType
}

/** Names of the two arguments of a header: its value, and how many fields of that name there are. */
export function headerArguments(header: string): readonly [value: string, count: string] {
  const name = header.replaceAll('-', '_')
  return [`h_${name}`, `n_${name}`]
}

/** What spoe.conf has to send beside {@link CHECK_ARGUMENTS}; `body` in the message `check_body` only. */
export function extraArguments(needs: Needs & Partial<RequestNeeds>): {
  check: ExtraArgument[]
  body: ExtraArgument[]
  /** Of the message `connect`. */
  connect: ExtraArgument[]
} {
  const typed = (fetches: Readonly<Record<string, string>>): ExtraArgument[] =>
    Object.entries(fetches).map(([name, fetch]) => ({ name, fetch, type: EXTRA_TYPES[name] ?? 'any' }))
  const fetched = (header: string): ExtraArgument[] => {
    const [value, count] = headerArguments(header)
    return [
      { name: value, fetch: `req.fhdr(${header})`, type: 'string' },
      { name: count, fetch: `req.fhdr_cnt(${header})`, type: 'int' },
    ]
  }
  const client: ExtraArgument[] = (needs.connection ?? []).map((fact) => {
    const [name, fetch] = CONNECTION_FETCHES[fact]
    return { name, fetch, type: 'string' }
  })
  const certificate = needs.certificate ? typed(CERTIFICATE_FETCHES) : []
  return {
    check: [...needs.headers.flatMap(fetched), ...certificate, ...client],
    connect: [...certificate, ...client],
    body: needs.body ? [...needs.bodyHeaders.flatMap(fetched), ...typed(BODY_FETCHES)] : [],
  }
}

type View = MessageView<Record<string, ArgType>>

/** A message that asks for a decision. */
export type Question = 'check' | 'check_body' | 'connect'

/** Reads the evidence of a message. */
export class EvidenceReader {
  readonly args: Readonly<Record<string, ArgType>>
  readonly #headers: readonly { header: string; value: string; count: string }[]
  readonly #body: boolean
  readonly #isConnection: boolean
  readonly #required: readonly string[]

  constructor(needs: Needs & Partial<RequestNeeds>, question: Question) {
    const { check, body, connect } = extraArguments(needs)
    const withBody = question === 'check_body'
    this.#isConnection = question === 'connect'
    const extra = this.#isConnection ? connect : [...check, ...(withBody ? body : [])]
    const types = Object.fromEntries(extra.map(({ name, type }) => [name, type]))
    const always = this.#isConnection ? CONNECT_ARGUMENTS : CHECK_ARGUMENTS
    // Declared whether or not they are needed: what is read must be, and old spoe.conf files may send more than is.
    this.args = { ...CONNECTION_TYPES, cert: 'bytes', cert_used: 'bool', cert_verify: 'int', ...types, ...always }
    this.#required = (needs.required ?? []).filter((name) => Object.hasOwn(this.args, name))
    const headers = withBody ? new Set([...needs.headers, ...needs.bodyHeaders]) : needs.headers
    this.#headers = [...headers].map((header) => {
      const [value, count] = headerArguments(header)
      return { header, value, count }
    })
    this.#body = withBody && needs.body
  }

  /** @throws {Error} spoe.conf does not send what rules or credentials cannot be judged without */
  read(view: View): Evidence {
    for (const name of this.#required) {
      if (view.type(name) !== undefined) continue
      throw new Error(`spoe.conf does not send "${name}", which rules read: see "haproxy-temporal check"`)
    }
    if (this.#isConnection) return readConnection(view)
    const method = view.get('method') as string | undefined
    const authorization = view.get('auth') as string | undefined
    const count = view.get('auth_count') as number | undefined
    if (method === undefined || (authorization !== undefined && count === undefined)) {
      // Without them rules would be skipped, or a second credential overlooked.
      throw new Error('spoe.conf does not send "method" or "auth_count": compare it with the shipped one')
    }
    return {
      requestId: requestIdOf(view),
      method,
      host: (view.get('host') as string | undefined) ?? '',
      path: (view.get('path') as string | undefined) ?? '',
      query: (view.get('query') as string | undefined) ?? '',
      source: (view.get('src') as string | undefined) ?? '',
      tls: (view.get('tls') as boolean | undefined) ?? false,
      tlsVersion: text(view, 'tls_version'),
      sni: text(view, 'sni'),
      alpn: text(view, 'alpn'),
      authorization,
      authorizationCount: Number(count ?? 0),
      headers: this.#headers.length === 0 ? NO_HEADERS : this.#readHeaders(view),
      // Whenever spoe.conf sends it: a token bound to a certificate may come where no rule asks for one.
      certificate: readCertificate(view),
      body: this.#body ? readBody(view) : undefined,
    }
  }

  #readHeaders(view: View): ReadonlyMap<string, HeaderField> {
    const fields = new Map<string, HeaderField>()
    for (const { header, value, count } of this.#headers) {
      const text = view.get(value) as string | undefined
      if (text === undefined) continue
      const fieldCount = view.get(count) as number | undefined
      if (fieldCount === undefined) throw new Error(`spoe.conf sends "${value}" without "${count}"`)
      fields.set(header, { value: text, count: Number(fieldCount) })
    }
    return fields
  }
}

/** Of a connection there is no request yet. */
function readConnection(view: View): Evidence {
  return {
    requestId: requestIdOf(view),
    method: '',
    host: '',
    path: '',
    query: '',
    source: text(view, 'src'),
    tls: view.get('tls') === true,
    tlsVersion: text(view, 'tls_version'),
    sni: text(view, 'sni'),
    alpn: text(view, 'alpn'),
    authorization: undefined,
    authorizationCount: 0,
    headers: NO_HEADERS,
    certificate: readCertificate(view),
    body: undefined,
  }
}

function text(view: View, name: string): string {
  return (view.get(name) as string | undefined) ?? ''
}

/** `ssl_c_verify` is 0 without a certificate too: only `ssl_c_used` tells that there is one. */
function readCertificate(view: View): CertificateEvidence | undefined {
  if (view.get('cert_used') !== true) return undefined
  const der = view.get('cert') as Buffer | undefined
  if (der === undefined || der.length === 0) return undefined
  const verify = view.get('cert_verify') as number | undefined
  if (verify === undefined) throw new Error('spoe.conf sends "cert" without "cert_verify"')
  return { der, verify: Number(verify) }
}

function readBody(view: View): BodyEvidence | undefined {
  const size = view.get('body_size') as number | undefined
  if (size === undefined) return undefined
  return { bytes: (view.get('body') as Buffer | undefined) ?? new Uint8Array(0), size: Number(size) }
}

/**
 * HAProxy's name for the request. A format that comes to nothing (`%[req.hdr(x-request-id)]` of a request without it) names
 * all such requests alike, and of two that are one request the second proof is no replay.
 */
function requestIdOf(view: View): string {
  const id = view.get('id') as string | undefined
  return id === undefined || id === '' ? fallbackId() : id
}

/** For a HAProxy without `unique-id-format`; time first, as the outbox likes its keys. */
function fallbackId(): string {
  return `${Math.floor(Date.now() / 1000)
    .toString(16)
    .toUpperCase()}-${randomUUID()}`
}
