import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { ROOT } from '../../../agent/dev/tools.ts'
import { parseTests } from '../../../agent/policy-test/load.ts'
import { ERRORS } from '../../../agent/errors.ts'
import { failures, run } from './support.ts'

const page = readFileSync(join(ROOT, 'docs/testing.md'), 'utf8')
const blocks = [...page.matchAll(/^```yaml\n([\s\S]*?)^```$/gm)].map(([, block = '']) => block)

it('the first example of the page is a file of tests', () => {
  expect(parseTests('agent.test.yaml', blocks[0] ?? '').tests.tests).toHaveLength(2)
})

it('the tests of the page pass for its rules, and reach them all', () => {
  const [, rules = '', tests = ''] = blocks
  const result = run(rules.replace(/^rules:\n/, ''), tests)
  expect(failures(result)).toEqual([])
  expect(result.coverage.map(({ unreached }) => unreached.map(({ rule }) => rule))).toEqual([[]])
})

it('the hint of the command leads to the page', () => {
  expect(ERRORS.TEST_NONE).toContain('docs/testing.md')
})
