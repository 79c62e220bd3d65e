import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { X509Certificate } from 'node:crypto'
import { UserError } from '../errors.ts'
import type { AskedRequest } from './question.ts'

/** What the command line says of a request. */
export interface RequestOptions {
  /** `POST https://api.example.com/orders/7?x=1`; without a method it is GET. */
  readonly request: string
  /** `name: value`. */
  readonly header?: readonly string[] | undefined
  readonly token?: string | undefined
  readonly tokenFile?: string | undefined
  readonly cert?: string | undefined
  readonly body?: string | undefined
  readonly source?: string | undefined
  readonly at?: string | undefined
  readonly tlsVersion?: string | undefined
  readonly sni?: string | undefined
  readonly alpn?: string | undefined
  readonly id?: string | undefined
}

/** Not taken apart by `URL`, which would decide what `/a/../b` means before the rules do. */
const REQUEST = /^(?:([!#$%&'*+.^_`|~0-9A-Za-z-]+)[ ]+)?(https?):\/\/([^/?#\s]+)([^?#]*)(?:\?([^#]*))?(?:#.*)?$/is
const HEADER = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*$/s
const MAX_FILE_BYTES = 1 << 20

/**
 * The request of a command line, as HAProxy would see it.
 * @throws {UserError} EXPLAIN_INPUT; the message quotes no credential
 */
export function requestOf(options: RequestOptions): AskedRequest {
  const { token, tokenFile, cert, body } = options
  const parsed = REQUEST.exec(options.request)
  if (parsed === null) throw wrong('--request is "METHOD https://host/path?query", or the URL alone for GET')
  const [, method = 'GET', scheme = '', authority = '', path = '', query = ''] = parsed
  const tls = scheme.toLowerCase() === 'https'
  const host = authority.slice(authority.lastIndexOf('@') + 1)
  if (host !== authority) throw wrong('the URL of --request holds a user: give "--header \'authorization: …\'"')
  const fields = (options.header ?? []).map(fieldOf)
  if (token !== undefined && tokenFile !== undefined) throw wrong('give --token or --token-file, not both')
  const bearer = token ?? (tokenFile === undefined ? undefined : readText(tokenFile))
  if (bearer !== undefined) fields.push(['authorization', `Bearer ${wire(bearer.trim())}`])
  const named = fields.filter(([name]) => name.toLowerCase() === 'host')
  return {
    id: options.id === undefined ? undefined : wire(options.id),
    method,
    host: named.at(-1)?.[1] ?? wire(host),
    path: path === '' ? '/' : wire(path),
    query: wire(query),
    source: addressOf(options.source ?? '127.0.0.1'),
    tls,
    tlsVersion: tls ? (options.tlsVersion ?? 'TLSv1.3') : '',
    sni: tls ? (options.sni ?? nameOf(host)) : '',
    alpn: tls ? (options.alpn ?? '') : '',
    headers: fields.filter(([name]) => name.toLowerCase() !== 'host'),
    certificate: cert === undefined ? undefined : certificateOf(cert),
    body: body === undefined ? undefined : readBytes(body),
    at: options.at === undefined ? undefined : timeOf(options.at),
  }
}

/** One character for each byte, as HAProxy hands texts on. */
function wire(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1')
}

function fieldOf(text: string): [string, string] {
  const [, name, value] = HEADER.exec(text) ?? []
  if (name === undefined || value === undefined) throw wrong('--header is "name: value"')
  return [name, wire(value)]
}

/** A client names a host, never an address. */
function nameOf(host: string): string {
  const name = host.replace(/:\d+$/, '')
  return isIP(name.replace(/^\[|\]$/g, '')) === 0 ? name.toLowerCase() : ''
}

/** As HAProxy's `src` has it in the agent: shortest form, IPv4-mapped addresses as IPv4. */
export function addressOf(text: string): string {
  const family = isIP(text)
  if (family === 0 || text.includes('%')) throw wrong(`"${text}" is no IP address`)
  if (family === 4) return text
  const short = new URL(`http://[${text}]`).hostname.slice(1, -1)
  const [, high, low] = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(short) ?? []
  if (high === undefined || low === undefined) return short
  const words = [Number.parseInt(high, 16), Number.parseInt(low, 16)]
  return words.flatMap((word) => [word >> 8, word & 255]).join('.')
}

function timeOf(text: string): number {
  const at = /^\d{4}-\d{2}-\d{2}/.test(text) ? Date.parse(text) : Number.NaN
  if (Number.isNaN(at)) throw wrong(`--at is a time such as 2026-11-24T10:00:00Z, not "${text}"`)
  return at
}

function certificateOf(file: string): Buffer {
  const bytes = readBytes(file)
  try {
    return new X509Certificate(bytes).raw
  } catch {
    throw wrong(`${file} holds no certificate in PEM or DER`)
  }
}

function readText(file: string): string {
  return readBytes(file).toString('utf8')
}

/** @param file `-` for standard input */
export function readBytes(file: string): Buffer {
  let bytes: Buffer
  try {
    bytes = readFileSync(file === '-' ? 0 : file)
  } catch (error) {
    throw wrong(`cannot read ${file}: ${(error as NodeJS.ErrnoException).code ?? 'failed'}`)
  }
  if (bytes.length > MAX_FILE_BYTES) throw wrong(`${file} has more than ${MAX_FILE_BYTES} bytes`)
  return bytes
}

function wrong(message: string): UserError {
  return new UserError('EXPLAIN_INPUT', message)
}
