import { compileNetworks } from './network.ts'
import { compileTimeWindow } from './time-window.ts'
import { compileValueMatcher, type ValueMatcherConfig } from './value-matcher.ts'
import type { MatchConfig } from '../config/rules.ts'
import type { ConnectionFact } from './cel.ts'
import type { ConnectionView, RequestView } from './facts.ts'

/** Something that must hold beside method, host and path, and needs no expression. */
export interface Condition {
  /** Key of `match` in agent.yaml, with the name of the header or parameter: `header x-tenant`. */
  readonly label: string
  /** @throws {Error} when it cannot be judged: a header that comes twice, a text too long for its pattern */
  holds(request: RequestView, connection: ConnectionView): boolean
}

export interface CompiledConditions {
  readonly conditions: readonly Condition[]
  readonly headers: readonly string[]
  readonly connection: readonly ConnectionFact[]
  /** Other arguments of spoe.conf: `src`, `tls`, `query`. */
  readonly others: readonly string[]
}

/** Age of TLS versions, as agent.yaml and `ssl_fc_protocol` name them. */
const TLS_AGE: ReadonlyMap<string, number> = new Map([
  ['TLSv1', 0],
  ['TLSv1.0', 0],
  ['TLSv1.1', 1],
  ['TLSv1.2', 2],
  ['TLSv1.3', 3],
])

/**
 * The conditions of a match, the cheapest first.
 * @param refuse told what is wrong, and with which key of the match
 */
export function compileConditions(
  match: MatchConfig,
  refuse: (key: readonly string[], message: string) => void,
): CompiledConditions {
  const conditions: Condition[] = []
  const connection: ConnectionFact[] = []
  const compiled = <T>(key: readonly string[], result: T | string): T | undefined => {
    if (typeof result !== 'string') return result
    refuse(key, result)
    return undefined
  }
  const { source, time, tls, header = {}, query = {} } = match
  if (typeof tls === 'boolean') {
    conditions.push({ label: 'tls', holds: (_, client) => client.tls === tls })
  } else if (tls !== undefined) {
    if (tls.minVersion !== undefined) {
      const oldest = TLS_AGE.get(tls.minVersion) ?? 0
      connection.push('tlsVersion')
      const holds: Condition['holds'] = (_, client) => (TLS_AGE.get(client.tlsVersion) ?? -1) >= oldest
      conditions.push({ label: 'tls minVersion', holds })
    }
    if (tls.sni !== undefined) {
      const fits = tls.sni.map(hostMatcher)
      connection.push('sni')
      const holds: Condition['holds'] = (_, { sni }) => {
        return fits.some((matches) => matches(sni))
      }
      conditions.push({ label: 'tls sni', holds })
    }
  }
  if (source !== undefined) {
    const matches = compiled(['source'], compileNetworks(source))
    if (matches !== undefined) conditions.push({ label: 'source', holds: (_, client) => matches(client.source) })
  }
  if (time !== undefined) {
    const window = compiled(['time'], compileTimeWindow(time))
    if (window !== undefined) conditions.push({ label: 'time', holds: ({ atMs }) => window.isOpen(atMs) })
  }
  const values = (key: 'header' | 'query', entries: Record<string, ValueMatcherConfig>): void => {
    for (const [name, config] of Object.entries(entries)) {
      const matches = compiled([key, name], compileValueMatcher(config))
      if (matches === undefined) continue
      const field = name.toLowerCase()
      const holds: Condition['holds'] =
        key === 'header' ? (request) => matches(request.header(field)) : (request) => matches(request.param(name))
      conditions.push({ label: `${key} ${name}`, holds })
    }
  }
  values('header', header)
  values('query', query)
  const others = [
    ...(source === undefined ? [] : ['src']),
    ...(tls === undefined ? [] : ['tls']),
    ...(Object.keys(query).length === 0 ? [] : ['query']),
  ]
  return { conditions, headers: Object.keys(header).map((name) => name.toLowerCase()), connection, others }
}

/** `api.example.com`, or `*.example.com` for every name below it; of a name in small letters. */
function hostMatcher(pattern: string): (host: string) => boolean {
  const lower = pattern.toLowerCase()
  if (!lower.startsWith('*.')) return (host) => host === lower
  const suffix = lower.slice(1)
  return (host) => host.length > suffix.length && host.endsWith(suffix)
}
