import { and, not, type Truth } from './conditions.ts'
import { type Line, linesOf, type Section } from './haproxy-file.ts'
import { conditionOf } from './input.ts'
import type { Held, KnownVariables } from './known-variables.ts'

/** Whether the condition of a rule holds. */
export interface Verdict {
  readonly truth: Truth
  /** Whether what the agent said, or its silence, has a part in it. */
  readonly telling: boolean
}

/** The `if` or `unless` of a rule, for given variables; a rule without a condition holds always. */
export function judge(section: Section, line: Line, variables: KnownVariables): Verdict {
  const [keyword, ...words] = conditionOf(line).map(({ text }) => text)
  if (keyword === undefined) return { truth: true, telling: false }
  const all = split(words, isOr).map((branch) =>
    allOf(termsOf(branch).map((term) => judgeTerm(section, term, variables))),
  )
  if (keyword === 'unless') return negated(anyOf(all))
  // What cannot hold has no part in what does.
  const possible = all.filter(({ truth }) => truth !== false)
  return anyOf(possible.length === 0 ? all : possible)
}

interface Term {
  readonly isNegated: boolean
  /** The name of an acl, or what stands in braces. */
  readonly test: string | readonly string[]
}

function isOr(word: string): boolean {
  return word === 'or' || word === '||'
}

function termsOf(words: readonly string[]): Term[] {
  const terms: Term[] = []
  let isNegated = false
  for (let i = 0; i < words.length; i++) {
    const [, marks = '', name = ''] = /^(!*)(.*)$/s.exec(words[i] ?? '') ?? []
    if (marks.length % 2 === 1) isNegated = !isNegated
    if (name === '') continue
    const end = name === '{' ? words.indexOf('}', i) : i
    terms.push({ isNegated, test: name === '{' ? words.slice(i + 1, end === -1 ? undefined : end) : name })
    isNegated = false
    if (end === -1) break
    i = end
  }
  return terms
}

function judgeTerm(section: Section, { isNegated, test }: Term, variables: KnownVariables): Verdict {
  const verdict = typeof test === 'string' ? judgeAcl(section, test, variables) : judgeTest(test, variables)
  return isNegated ? negated(verdict) : verdict
}

const ALWAYS: ReadonlyMap<string, boolean> = new Map([
  ['TRUE', true],
  ['FALSE', false],
])

/** Several lines of one name are one acl: any of them will do. */
function judgeAcl(section: Section, name: string, variables: KnownVariables): Verdict {
  const lines = linesOf(section, 'acl', name)
  if (lines.length === 0) return { truth: ALWAYS.get(name), telling: false }
  return anyOf(
    lines.map(({ words }) =>
      judgeTest(
        words.slice(2).map(({ text }) => text),
        variables,
      ),
    ),
  )
}

const VARIABLE = /^var\(([\w.]+)(?:,([^)]*))?\)(.*)$/s

function judgeTest(words: readonly string[], variables: KnownVariables): Verdict {
  const telling = words.some((word) => variables.areToldBy(word))
  const [, name, instead, converters = ''] = VARIABLE.exec(words[0] ?? '') ?? []
  if (name === undefined) return { truth: undefined, telling }
  const { held } = variables.get(name)
  const value = held === 'nothing' && instead !== undefined ? { text: instead } : held
  return { truth: matches(value, converters !== '', words.slice(1)), telling }
}

function matches(held: Held, isConverted: boolean, words: readonly string[]): Truth {
  // No converter makes something of nothing, and nothing matches no pattern.
  if (held === 'nothing') return false
  if (held === 'unknown') return undefined
  const { method, ignoresCase, patterns } = matching(words)
  if (method === 'found') return isConverted ? undefined : true
  if (held === 'something' || isConverted) return undefined
  const fold = (text: string): string => (ignoresCase ? text.toLowerCase() : text)
  const text = fold(held.text)
  const compare = COMPARE.get(method ?? '')
  return compare === undefined ? undefined : patterns?.some((pattern) => compare(text, fold(pattern)))
}

const COMPARE: ReadonlyMap<string, (text: string, pattern: string) => boolean> = new Map([
  ['str', (text, pattern) => text === pattern],
  ['beg', (text, pattern) => text.startsWith(pattern)],
  ['end', (text, pattern) => text.endsWith(pattern)],
  ['sub', (text, pattern) => text.includes(pattern)],
])

/** `-m str -i -- allow`; patterns that stand in a file are not known. */
function matching(words: readonly string[]): {
  method: string | undefined
  ignoresCase: boolean
  patterns: readonly string[] | undefined
} {
  let method: string | undefined
  let [ignoresCase, isRead] = [false, true]
  let i = 0
  for (; words[i]?.startsWith('-') === true; i++) {
    const flag = words[i]
    if (flag === '--') {
      i++
      break
    }
    if (flag === '-i') ignoresCase = true
    if (flag === '-f') isRead = false
    if (flag === '-m') method = words[i + 1]
    if (flag === '-m' || flag === '-f' || flag === '-u') i++
  }
  return { method, ignoresCase, patterns: isRead ? words.slice(i) : undefined }
}

function split(words: readonly string[], isBetween: (word: string) => boolean): string[][] {
  const parts: string[][] = [[]]
  for (const word of words) {
    if (isBetween(word)) parts.push([])
    else parts.at(-1)?.push(word)
  }
  return parts
}

function allOf(verdicts: readonly Verdict[]): Verdict {
  return verdicts.reduce((all, one) => ({ truth: and(all.truth, one.truth), telling: all.telling || one.telling }), {
    truth: true,
    telling: false,
  })
}

function anyOf(verdicts: readonly Verdict[]): Verdict {
  return negated(allOf(verdicts.map(negated)))
}

function negated({ truth, telling }: Verdict): Verdict {
  return { truth: not(truth), telling }
}
