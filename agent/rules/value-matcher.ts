import { compileRegex } from './regex.ts'

/** One way to look at a value; exactly one is given. */
export interface ValueCondition {
  /** Whether there is a value at all, be it empty. */
  readonly present?: boolean | undefined
  readonly prefix?: string | undefined
  readonly suffix?: string | undefined
  readonly contains?: string | undefined
  /** RE2. Found anywhere in the value unless it has `^` and `$`. */
  readonly regex?: string | undefined
}

/** What a header or a query parameter has to be: this text, one of these texts, or as the condition says. */
export type ValueMatcherConfig = string | readonly string[] | ValueCondition

/**
 * Undefined stands for a value that is not there: only `{ present: false }` matches it.
 * @throws {RangeError} the value is too long for a regular expression: whether it fits is not known, and taking that for
 * "does not match" could open a later rule
 */
export type ValueMatcher = (value: string | undefined) => boolean

export const CONDITIONS = ['present', 'prefix', 'suffix', 'contains', 'regex'] as const

/** From so many texts on, a set is quicker than comparing one after the other. */
const MANY = 8

/**
 * Compiles what a value has to be. Letters are told apart by case; a regular expression that begins with `(?i)` does not.
 * @returns the matcher, or what is wrong with the configuration
 */
export function compileValueMatcher(config: ValueMatcherConfig): ValueMatcher | string {
  if (typeof config === 'string') return (value) => value === config
  if (isList(config)) return oneOf(config)
  const given = CONDITIONS.filter((name) => config[name] !== undefined)
  if (given.length !== 1) {
    const names = CONDITIONS.map((name) => `"${name}"`).join(', ')
    return `expected exactly one of ${names}${given.length === 0 ? '' : `, not ${given.length}`}`
  }
  const { present, prefix, suffix, contains, regex } = config
  const empty = given.find((name) => config[name] === '')
  if (empty !== undefined) return `"${empty}" is empty and fits every value: { present: true } says that`
  if (prefix !== undefined) return (value) => value?.startsWith(prefix) === true
  if (suffix !== undefined) return (value) => value?.endsWith(suffix) === true
  if (contains !== undefined) return (value) => value?.includes(contains) === true
  if (regex !== undefined) return matching(regex)
  return (value) => (value !== undefined) === present
}

function isList(config: readonly string[] | ValueCondition): config is readonly string[] {
  return Array.isArray(config)
}

function oneOf(texts: readonly string[]): ValueMatcher | string {
  if (texts.length === 0) return 'the list of values is empty: give one at least'
  if (texts.length < MANY) return (value) => value !== undefined && texts.includes(value)
  const known = new Set(texts)
  return (value) => value !== undefined && known.has(value)
}

function matching(pattern: string): ValueMatcher | string {
  const regex = compileRegex(pattern)
  return typeof regex === 'string' ? regex : (value) => value !== undefined && regex.test(value)
}
