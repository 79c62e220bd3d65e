import type { WorkflowAction } from '../dispatch/command.ts'
import type { Requirement } from '../identity/requirement.ts'
import type { Expression } from './cel.ts'
import type { PathMatcher } from './path.ts'

/** The part of a match that needs no expression; `undefined` matches everything. */
export interface StaticMatch {
  readonly methods: ReadonlySet<string> | undefined
  readonly hosts: readonly HostMatcher[] | undefined
  readonly paths: readonly PathMatcher[] | undefined
}

export type HostMatcher = (host: string) => boolean

export interface CompiledWorkflow extends WorkflowAction {
  /** Request type in the event: which activity code runs. */
  readonly type: string
  /** Whether events carry the query string. */
  readonly query: boolean
  /** How the entity key stands in workflow ids. */
  readonly keyAs: 'plain' | 'pseudonym'
  /** Entity key, for `signal` and `meter`. */
  readonly keyExpression: Expression | undefined
}

/** Who may call. */
export interface CallerRequirement {
  readonly requirement: Requirement
  /** Who shows no credential at all is let in as anonymous; an invalid one is refused all the same. */
  readonly optional: boolean
  /** While the provider is away, callers are let in unproven. */
  readonly failOpen: boolean
}

export interface CompiledRule {
  readonly name: string
  /** Position in the file, and index of its counters. */
  readonly index: number
  readonly match: StaticMatch
  readonly when: Expression | undefined
  /** `undefined` asks for no identity. */
  readonly caller: CallerRequirement | undefined
  readonly scopes: readonly string[]
  /** Status, for a rule that denies. */
  readonly deny: number | undefined
  readonly set: readonly (readonly [name: string, value: Expression])[]
  readonly route: string | undefined
  readonly workflow: CompiledWorkflow | undefined
}

export interface RuleSet {
  readonly rules: readonly CompiledRule[]
  /** Whether some rule depends on the host, so that a request without one cannot be judged. */
  readonly tellsHostsApart: boolean
  /** Status when no rule matches. */
  readonly defaultDeny: number
}

export function matchesStatically(match: StaticMatch, method: string, host: string, path: string): boolean {
  if (match.methods !== undefined && !match.methods.has(method)) return false
  if (match.paths !== undefined && !some(match.paths, path)) return false
  return match.hosts === undefined || some(match.hosts, host)
}

function some(matchers: readonly ((value: string) => boolean)[], value: string): boolean {
  for (const matches of matchers) if (matches(value)) return true
  return false
}
