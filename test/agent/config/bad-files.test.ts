import { describe, expect, it } from 'vitest'
import { ERRORS } from '../../../agent/errors.ts'
import { CEL } from './bad-files/cel.ts'
import { ENVIRONMENT } from './bad-files/environment.ts'
import { PROVIDERS } from './bad-files/providers.ts'
import { problemsOf, unmark } from './bad-files/row.ts'
import { RULES } from './bad-files/rules.ts'
import { SECTIONS } from './bad-files/sections.ts'
import { WORKFLOWS } from './bad-files/workflows.ts'
import { YAML } from './bad-files/yaml.ts'

const TABLES = { YAML, ENVIRONMENT, SECTIONS, PROVIDERS, RULES, WORKFLOWS, CEL }

describe.each(Object.entries(TABLES))('%s', (_, files) => {
  it.each(files)('$name is told with its place and a way out', ({ text: marked, code, message, hint, env }) => {
    const { text, line, column } = unmark(marked)
    const problems = problemsOf(text, env)
    // One slip is one problem: what follows from it is noise.
    expect(problems.map((p) => [p.code, p.line, p.column, p.message])).toEqual([
      [code, line, column, expect.stringContaining(message)],
    ])
    const [found] = problems
    expect(found?.hint).toContain(hint)
    expect(found?.hint).toMatch(/[.?!]$/)
    expect(found?.source).toBe(
      text
        .replace(/^\ufeff/, '')
        .split('\n')
        [line - 1]?.replace(/\r$/, ''),
    )
    expect(found?.caret).toMatch(/^[\t ]*\^+$/)
    expect(found?.caret?.indexOf('^')).toBe(column - 1)
  })
})

it('the names of the rows are unique, so that a failure is found', () => {
  const names = Object.values(TABLES).flatMap((files) => files.map(({ name }) => name))
  expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([])
})

it('a hint is about the case: the one that every error of its code has is rare', () => {
  const general = new Set<string>([
    'CONFIG_INVALID',
    'CONFIG_MISSING',
    'CONFIG_SYNTAX',
    'CONFIG_CEL',
    'CONFIG_UNKNOWN_KEY',
  ])
  for (const { text, env, name } of Object.values(TABLES).flat()) {
    for (const { code, hint } of problemsOf(unmark(text).text, env)) {
      if (general.has(code)) expect(hint, name).not.toBe(ERRORS[code])
    }
  }
})
