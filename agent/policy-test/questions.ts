import type { AskedRequest } from '../explain/question.ts'
import type { Identity } from '../identity/identity.ts'
import type { Question } from './policy.ts'
import type { Asked, Caller, Row } from './schema.ts'
import type { Shown } from './stub-authenticator.ts'
import { parseTarget, wire } from './target.ts'

/** A Wednesday at noon: what tests get that name no time, so that they give the same on every day. */
export const DEFAULT_AT = Date.parse('2026-01-07T12:00:00Z')

/** Of a documentation network (RFC 5737). */
const DEFAULT_SOURCE = '192.0.2.1'

/** What questions of one file have in common. */
export interface Setting {
  readonly identities: ReadonlyMap<string, Identity>
  readonly at: number | undefined
}

/** All that a row asks for one caller, in order; the last is the one that is judged. */
export function questionsOf(row: Row, caller: Caller, setting: Setting): Question[] {
  const kind = row.connection === undefined ? 'request' : 'connection'
  const first = row.before.flatMap((one) => {
    const own = one.request ?? one.connection
    const { as = caller, repeat = 1, every = 0 } = one
    return asked(own === undefined ? { ...one, [kind]: row[kind] } : one, as, repeat, every, setting)
  })
  const { repeat = 1, every = 0 } = row
  const all = [...first, ...asked(row, caller, repeat, every, setting)]
  // Each request has an id of its own, as HAProxy gives it.
  return all.map((question, i) => ({ ...question, request: { id: `test-${i + 1}`, ...question.request } }))
}

function asked(
  { request, connection }: Pick<Asked, 'request' | 'connection'>,
  caller: Caller,
  repeat: number,
  every: number,
  setting: Setting,
): Question[] {
  const shown = shownBy(caller, setting)
  const one = request === undefined ? connectionOf(connection ?? {}) : requestOf(request)
  const start = request?.at ?? connection?.at ?? setting.at ?? DEFAULT_AT
  return Array.from({ length: repeat }, (_, i) => ({
    message: request === undefined ? 'connect' : 'check',
    request: { ...one, at: start + i * every },
    shown,
  }))
}

function requestOf(asks: NonNullable<Asked['request']>): AskedRequest {
  const target = parseTarget(asks.url)
  // The schema has made sure.
  if (target === undefined) throw new TypeError('no URL')
  const headers = Object.entries(asks.headers).flatMap(([name, values]) =>
    values.map((value): [string, string] => [name.toLowerCase(), wire(value)]),
  )
  const named = headers.filter(([name]) => name === 'host').at(-1)?.[1]
  const { method, id } = asks
  return {
    ...(id !== undefined && { id }),
    method,
    host: named ?? target.host,
    path: target.path,
    query: target.query,
    ...clientOf({ ...asks, tls: asks.tls ?? target.tls }),
    headers: headers.filter(([name]) => name !== 'host'),
  }
}

function connectionOf(asks: NonNullable<Asked['connection']>): AskedRequest {
  const { id, tls = asks.tlsVersion !== undefined || asks.sni !== undefined } = asks
  return {
    ...(id !== undefined && { id }),
    method: '',
    host: '',
    path: '',
    query: '',
    headers: [],
    ...clientOf({ ...asks, tls }),
  }
}

interface Client {
  readonly source?: string | undefined
  readonly tls: boolean
  readonly tlsVersion?: string | undefined
  readonly sni?: string | undefined
  readonly alpn?: string | undefined
}

function clientOf({
  source = DEFAULT_SOURCE,
  tls,
  tlsVersion,
  sni = '',
  alpn = '',
}: Client): Pick<AskedRequest, keyof Client> {
  return { source, tls, tlsVersion: tlsVersion ?? (tls ? 'TLSv1.3' : ''), sni, alpn }
}

function shownBy(caller: Caller, { identities }: Setting): Shown {
  if (caller === 'none') return []
  if (typeof caller === 'string') return identityOf(caller, identities)
  return 'reason' in caller ? caller : caller.all.flatMap((name) => identityOf(name, identities))
}

function identityOf(name: string, identities: Setting['identities']): Identity[] {
  const identity = identities.get(name)
  // Names have been checked.
  if (identity === undefined) throw new TypeError(`no identity "${name}"`)
  return [identity]
}

/** `buyer`, `nobody`, `expired`, for the name of a row that is tried with several callers. */
export function callerName(caller: Caller): string {
  if (caller === 'none') return 'nobody'
  if (typeof caller === 'string') return caller
  return 'reason' in caller ? caller.reason : caller.all.join(' and ')
}
