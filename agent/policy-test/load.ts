import { dirname, resolve } from 'node:path'
import { ConfigDocument, type Path } from '../config/document.ts'
import { readConfigText } from '../config/file-text.ts'
import { ConfigError, inOrder, type Problem } from '../config/problem.ts'
import { ZodProblems } from '../config/problems-of-zod.ts'
import { suggest } from '../config/suggest.ts'
import type { Policy } from './policy.ts'
import { type Asked, type Caller, type TestFile, testFileSchema } from './schema.ts'

/** A file of tests, and where everything stands in it. */
export interface LoadedTests {
  readonly file: string
  readonly tests: TestFile
  readonly document: ConfigDocument
  /** Path of the configuration that it is about. */
  readonly config: string
}

/**
 * Reads a file of tests.
 * @param config the configuration to test instead of the one that the file names
 * @throws {ConfigError} with every problem found, each at its line and column
 */
export function loadTests(file: string, config?: string): LoadedTests {
  return parseTests(file, readConfigText(file), config)
}

/** {@link loadTests} on text that is already there. */
export function parseTests(file: string, text: string, config?: string): LoadedTests {
  const document = new ConfigDocument(file, text)
  const { fatal, problems } = document.syntaxProblems()
  if (fatal) throw new ConfigError(inOrder(problems))
  const value = document.toJS()
  if (value === null || value === undefined) {
    const hint = 'Begin with "tests:", or copy the shipped agent.test.yaml.'
    throw new ConfigError([document.atValue('CONFIG_MISSING', [], 'the file is empty', { hint })])
  }
  const parsed = testFileSchema.safeParse(value, { reportInput: true })
  if (!parsed.success) {
    problems.push(...new ZodProblems(testFileSchema, document, value).of(parsed.error.issues).map(ofTests))
  }
  if (!parsed.success || problems.length > 0) throw new ConfigError(inOrder(problems))
  const beside = resolve(dirname(file), parsed.data.config ?? 'agent.yaml')
  return { file, document, tests: parsed.data, config: config ?? beside }
}

/** Hints that lead to the page of agent.yaml lead to that of tests. */
function ofTests(found: Problem): Problem {
  return { ...found, hint: found.hint.replace('docs/reference.md tells', 'docs/testing.md tells') }
}

/** Names in a file of tests that nothing has: a misspelt rule would never be what decided. */
export function unknownNames({ tests, document }: LoadedTests, policy: Policy): Problem[] {
  const problems: Problem[] = []
  const refuse = (path: Path, message: string, hint: string): void =>
    void problems.push(document.atValue('CONFIG_REFERENCE', path, message, { hint }))
  const known = (path: Path, what: string, name: string, names: readonly string[]): void => {
    if (names.includes(name)) return
    const close = suggest(name, names)
    const hint = close === undefined ? `Known: ${names.join(', ') || 'none'}.` : `Did you mean "${close}"?`
    refuse(path, `no ${what} is called "${name}"`, hint)
  }
  const identities = Object.keys(tests.identities)
  const callers = (path: Path, as: Caller): void => {
    if (typeof as === 'string') {
      if (as !== 'none') known(path, 'identity', as, identities)
    } else if ('all' in as) {
      for (const [i, name] of as.all.entries()) known([...path, 'all', i], 'identity', name, identities)
    }
  }
  const providers = Object.keys(policy.config.identity.providers)
  for (const [name, { provider }] of Object.entries(tests.identities)) {
    known(['identities', name, 'provider'], 'provider', provider, providers)
    if (name === 'none') refuse(['identities', name], '"none" is nobody, and no identity', 'Choose another name.')
  }
  const rules = policy.rules.map((rule) => rule.name)
  const shadows = policy.rules.filter(({ shadow }) => shadow).map((rule) => rule.name)
  const names = new Set<string>()
  for (const [i, test] of tests.tests.entries()) {
    const path = ['tests', i]
    if (names.has(test.name))
      refuse([...path, 'name'], `two tests are called "${test.name}"`, 'Reports tell them by name.')
    names.add(test.name)
    for (const [k, as] of (test.as ?? []).entries()) callers([...path, 'as', k], as)
    for (const [k, { as }] of test.before.entries()) if (as !== undefined) callers([...path, 'before', k, 'as'], as)
    const { rule, shadow = {} } = test.expect
    if (rule !== undefined && rule !== 'none') known([...path, 'expect', 'rule'], 'rule', rule, rules)
    for (const name of Object.keys(shadow)) {
      known([...path, 'expect', 'shadow', name], 'rule in shadow mode', name, shadows)
    }
    for (const [k, before] of test.before.entries())
      problems.push(...bothKinds(document, [...path, 'before', k], before))
  }
  return problems
}

function bothKinds(document: ConfigDocument, path: Path, { request, connection }: Asked): Problem[] {
  if (request === undefined || connection === undefined) return []
  return [document.atValue('CONFIG_CONFLICT', path, 'expected either "request" or "connection"')]
}
