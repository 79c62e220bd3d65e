import type { MessageView } from 'node-spoe'
import { headerArguments } from '../evidence.ts'

/** A request as HAProxy would tell of it. Texts are as they came over the wire, one character for each byte. */
export interface AskedRequest {
  /** HAProxy's unique-id; left out, one is made up. */
  readonly id?: string | undefined
  readonly method: string
  /** Host header as sent; empty when there is none. */
  readonly host: string
  /** As sent, without the query. */
  readonly path: string
  /** Without the `?`. */
  readonly query: string
  /** Client address. */
  readonly source: string
  readonly tls: boolean
  readonly tlsVersion: string
  readonly sni: string
  readonly alpn: string
  /** Fields in their order, without Host; names in any case. */
  readonly headers: readonly (readonly [name: string, value: string])[]
  /** DER of the client's certificate, which HAProxy is taken to have verified. */
  readonly certificate?: Buffer | undefined
  readonly body?: Buffer | undefined
  /** When it came, in milliseconds since the epoch; left out: now. */
  readonly at?: number | undefined
}

type Argument = string | number | boolean | Buffer

/** The arguments that HAProxy would send of a request, by the names of spoe.conf. */
export function argumentsOf(request: AskedRequest): Map<string, Argument> {
  const { id, method, host, path, query, source, tls, tlsVersion, sni, alpn, headers, certificate, body } = request
  const args = new Map<string, Argument>()
  if (id !== undefined) args.set('id', id)
  for (const [name, value] of Object.entries({ method, host, path, query, src: source, tls })) args.set(name, value)
  // HAProxy sends nothing where there is nothing.
  if (tlsVersion !== '') args.set('tls_version', tlsVersion)
  if (sni !== '') args.set('sni', sni)
  if (alpn !== '') args.set('alpn', alpn)
  args.set('auth_count', 0)
  const put = ([last, count]: readonly [string, string], value: string): void => {
    // Of several fields `req.fhdr` gives the last one.
    args.set(last, value)
    args.set(count, Number(args.get(count) ?? 0) + 1)
  }
  for (const [field, value] of headers) {
    const name = field.toLowerCase()
    put(headerArguments(name), value)
    // Rules that read it get it like any other field.
    if (name === 'authorization') put(['auth', 'auth_count'], value)
  }
  args.set('cert_used', certificate !== undefined)
  if (certificate !== undefined) {
    args.set('cert', certificate)
    args.set('cert_verify', 0)
  }
  if (body !== undefined) {
    args.set('body', body)
    args.set('body_size', body.length)
  }
  return args
}

/** Of SPOE.txt section 3.1. */
const STRING = 8

/** The same as a message of HAProxy, as far as the handlers of the agent look at one. */
export function viewOf(request: AskedRequest): MessageView<Record<string, never>> {
  const args = argumentsOf(request)
  // A spoe.conf that sends everything: "check" is for those that do not.
  const view = { get: (name: string) => args.get(name), type: () => STRING }
  return view as unknown as MessageView<Record<string, never>>
}
