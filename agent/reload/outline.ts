import { createHash } from 'node:crypto'
import { serialize } from 'node:v8'
import type { AgentConfig } from '../config/schema.ts'

/** Something of a configuration by its name, and a hash of what it says: equal where nothing changed. */
type Part = readonly [name: string, digest: string]

/** A configuration as {@link changesOf} compares it. It holds no values. */
export interface Outline {
  /** In their order. */
  readonly rules: readonly Part[]
  readonly providers: readonly Part[]
  /** `default`, `audit`, `identity.revocation` and so on. */
  readonly sections: readonly Part[]
}

export function outlineOf({ rules, identity, ...sections }: AgentConfig): Outline {
  const { providers, ...others } = identity
  return {
    // Where a rule stands in the file says nothing about it.
    rules: rules.map((rule) => [rule.name, digestOf({ ...rule, at: undefined })]),
    providers: parts(providers),
    sections: [...parts(sections), ...parts(others, 'identity.')],
  }
}

function parts(members: object, prefix = ''): Part[] {
  return Object.entries(members).map(([name, value]) => [`${prefix}${name}`, digestOf(value)])
}

function digestOf(value: unknown): string {
  return createHash('sha256').update(serialize(value)).digest('base64url')
}

/** Names that a log line or an answer lists; of more it tells how many there are. */
const MAX_NAMES = 20

/** What was added, removed and changed, by name. */
export interface NamedChanges {
  readonly added?: readonly string[]
  readonly removed?: readonly string[]
  readonly changed?: readonly string[]
}

/** What is different in another configuration: names only, never values. Absent is what stayed. */
export interface Changes {
  readonly rules?: NamedChanges & { readonly reordered?: true }
  readonly providers?: NamedChanges
  /** Other sections, such as `default`, `audit` and `identity.revocation`. */
  readonly sections?: readonly string[]
}

export function changesOf(before: Outline, after: Outline): Changes {
  const rules = namedChanges(before.rules, after.rules)
  const order = isReordered(before.rules, after.rules)
  const providers = namedChanges(before.providers, after.providers)
  const { added = [], removed = [], changed = [] } = namedChanges(before.sections, after.sections) ?? {}
  const sections = [...added, ...removed, ...changed].toSorted()
  return {
    ...((rules !== undefined || order) && { rules: { ...rules, ...(order && { reordered: true as const }) } }),
    ...(providers !== undefined && { providers }),
    ...(sections.length > 0 && { sections }),
  }
}

function namedChanges(before: readonly Part[], after: readonly Part[]): NamedChanges | undefined {
  const had = new Map(before)
  const has = new Map(after)
  const added = [...has.keys()].filter((name) => !had.has(name))
  const removed = [...had.keys()].filter((name) => !has.has(name))
  const changed = [...has].flatMap(([name, digest]) => (had.has(name) && had.get(name) !== digest ? [name] : []))
  if (added.length + removed.length + changed.length === 0) return undefined
  return {
    ...(added.length > 0 && { added: listed(added) }),
    ...(removed.length > 0 && { removed: listed(removed) }),
    ...(changed.length > 0 && { changed: listed(changed) }),
  }
}

function listed(names: readonly string[]): readonly string[] {
  if (names.length <= MAX_NAMES) return names
  return [...names.slice(0, MAX_NAMES), `and ${names.length - MAX_NAMES} more`]
}

/** Whether rules that stand in both come in another order: the first that matches decides. */
function isReordered(before: readonly Part[], after: readonly Part[]): boolean {
  const had = new Map(before)
  const has = new Map(after)
  const stayed = before.filter(([name]) => has.has(name))
  const now = after.filter(([name]) => had.has(name))
  return stayed.some(([name], i) => now[i]?.[0] !== name)
}
