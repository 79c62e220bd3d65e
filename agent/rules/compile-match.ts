import type { RuleConfig } from '../config/schema.ts'
import type { CompileContext } from './compile-context.ts'
import { compilePathPattern, type PathPattern } from './path-pattern.ts'
import { compileRegex, type LinearRegex } from './regex.ts'

/** What a rule says of the path, and the names that it gives to parts of it. */
export interface CompiledPath {
  readonly patterns: readonly PathPattern[] | undefined
  readonly regex: LinearRegex | undefined
  /** Those that every pattern gives: of the others an expression could not be sure. */
  readonly captures: readonly string[]
}

export function compilePaths({ match, at }: RuleConfig, compile: CompileContext): CompiledPath {
  const patterns = match.path?.flatMap((text): PathPattern[] => {
    const compiled = compilePathPattern(text)
    if (typeof compiled !== 'string') return [compiled]
    compile.refuse('CONFIG_INVALID', [...at, 'match', 'path'], `path "${text}": ${compiled}`)
    return []
  })
  let regex: LinearRegex | undefined
  if (match.pathRegex !== undefined) {
    const compiled = compileRegex(match.pathRegex)
    if (typeof compiled !== 'string') regex = compiled
    else {
      const hint = 'RE2 syntax, without lookaround and backreferences: (?P<name>…) names a group.'
      compile.refuse('CONFIG_INVALID', [...at, 'match', 'pathRegex'], compiled, hint)
    }
  }
  const [first, ...others] = patterns ?? []
  const common = first?.captures.filter((name) => others.every(({ captures }) => captures.includes(name))) ?? []
  return { patterns, regex, captures: [...new Set([...common, ...(regex?.names ?? [])])] }
}

/** Keys of `match` that say something of a request. */
const OF_REQUESTS = ['method', 'host', 'path', 'pathRegex', 'header', 'query'] as const

/** Of a connection there is no request yet. */
export function refuseRequestParts({ name, on, match, at, ...rule }: RuleConfig, compile: CompileContext): void {
  if (on === 'request') return
  for (const key of OF_REQUESTS) {
    if (match[key] === undefined) continue
    const message = `rule "${name}" is for connections, which have no ${key} yet`
    compile.refuse('CONFIG_CONFLICT', [...at, 'match', key], message, 'Match "source", "time", "tls" or "when".')
  }
  const { identity, redirect } = rule
  const redirects = [
    ...(redirect === undefined ? [] : [['redirect']]),
    ...(identity === undefined || identity === 'none' || identity.redirect === undefined
      ? []
      : [['identity', 'redirect']]),
  ]
  for (const path of redirects) {
    const message = `rule "${name}" is for connections, which cannot be redirected`
    compile.refuse('CONFIG_CONFLICT', [...at, ...path], message)
  }
}
