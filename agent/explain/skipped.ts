import type { RequestView } from '../rules/facts.ts'
import type { CompiledRule } from '../rules/rule.ts'

/** What of a rule's static match does not fit the request. */
export interface Misfit {
  readonly part: 'method' | 'host' | 'path'
  readonly wanted: readonly string[]
  readonly value: string
}

/** Why the index did not come up with a rule: what of method, host and path does not fit. */
export function misfits({ match }: CompiledRule, { method, host, path }: RequestView): Misfit[] {
  const { methods, hosts, paths } = match
  const found: Misfit[] = []
  if (methods?.has(method) === false) found.push({ part: 'method', wanted: [...methods], value: method })
  if (hosts?.some((pattern) => hostFits(pattern, host)) === false) {
    found.push({ part: 'host', wanted: hosts, value: host })
  }
  if (paths?.some((pattern) => pattern.matches(path)) === false) {
    found.push({ part: 'path', wanted: paths.map(({ pattern }) => pattern), value: path })
  }
  return found
}

function hostFits(pattern: string, host: string): boolean {
  if (!pattern.startsWith('*.')) return host === pattern
  return host.length > pattern.length - 1 && host.endsWith(pattern.slice(1))
}
