import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { parse } from 'yaml'
import { ROOT } from '../../../agent/dev/tools.ts'
import { ROOTS } from '../../../agent/rules/cel-fields.ts'
import {
  MAX_ITEMS,
  MAX_LOOP,
  MAX_NESTING,
  MAX_NODES,
  MAX_SOURCE,
  MAX_TEXT,
  MAX_WORK,
} from '../../../agent/rules/cel-limits.ts'
import { MAX_INPUT, MAX_PATTERN, MAX_PROGRAM, MAX_STEPS } from '../../../agent/rules/regex.ts'
import { compiled, factsOf } from './cel-support.ts'

const page = readFileSync(join(ROOT, 'docs/expressions.md'), 'utf8')

it('the example of the page compiles, and holds for whom it is meant', () => {
  const yaml = /```yaml\n([^]*?)```/.exec(page)?.[1] ?? ''
  const [rule] = (parse(yaml) as { rules: { match: { when: string }; set: Record<string, string> }[] }).rules
  const facts = factsOf({
    source: '10.1.2.3',
    headers: { 'x-tenant': 'acme' },
    identity: { tenant: 'acme' },
    captures: { id: '7' },
    time: '2026-11-24T10:00:00Z',
  })
  expect(compiled(rule?.match.when ?? '', 'bool', ['id']).evaluate(facts)).toBe(true)
  for (const source of Object.values(rule?.set ?? {}))
    expect(compiled(source, 'any', ['id']).evaluate(facts)).not.toBe('')
})

it('the page names every field', () => {
  for (const [root, fields] of Object.entries(ROOTS)) {
    const row = page.split('\n').find((line) => line.startsWith(`| \`${root}\` |`))
    for (const field of Object.keys(fields)) expect(row).toContain(`\`${field}\``)
  }
})

it('the page names every function, as it is called', () => {
  const calls = page.match(/^\| `.*?\)`.* \|/gm)?.join('\n') ?? ''
  for (const name of ['matches', 'inNetwork', 'ip', 'lower', 'urlEncode', 'sha256', 'replace', 'join', 'charAt']) {
    expect(calls).toContain(`${name}(`)
  }
})

it.each([
  MAX_SOURCE,
  MAX_NODES,
  MAX_NESTING,
  MAX_LOOP,
  MAX_TEXT,
  MAX_ITEMS,
  MAX_WORK,
  MAX_PATTERN,
  MAX_PROGRAM,
  MAX_INPUT,
  MAX_STEPS,
])('the page tells the bound %d', (bound) => {
  expect(page.split('## Bounds')[1]).toContain(bound.toLocaleString('en-US'))
})
