import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { CHECK_ARGUMENTS } from '../../agent/evidence.ts'
import { ROOT } from '../../agent/dev/tools.ts'
import { ERRORS } from '../../agent/errors.ts'
import { denyReasons, reasons } from '../../agent/identity/reasons.ts'
import { OUTCOME_ARGUMENTS } from '../../agent/outcome.ts'
import { VARIABLES } from '../../agent/rules/variables.ts'

const documentation = readFileSync(join(ROOT, 'docs/configuration.md'), 'utf8')
const lines = documentation.split('\n')

it.each(denyReasons)('the documentation tells about the reason %s what its table says', (reason) => {
  const { status, challenge, hint, doc } = reasons[reason]
  const form = challenge === 'none' ? '' : `\`${challenge}\``
  const link = `[${doc.split('#')[0]}](${doc})`
  expect(lines).toContain(`| ${[`\`${reason}\``, status, form, hint, link].join(' | ')} |`)
})

it.each(Object.entries(ERRORS))('the documentation tells about the error %s what its table says', (code, hint) => {
  expect(lines).toContain(`| \`${code}\` | ${hint} |`)
})

it('the documentation names every argument and every variable', () => {
  for (const name of [...Object.keys(CHECK_ARGUMENTS), ...Object.keys(OUTCOME_ARGUMENTS), ...VARIABLES]) {
    expect(documentation).toContain(`\`${name}\``)
  }
})

it('documents no reason and no error that does not exist', () => {
  const documented = lines.flatMap((line) => /^\| `([a-z]+_[a-z_]+|[A-Z]+_[A-Z_]+)` \|/.exec(line)?.[1] ?? [])
  const known = new Set<string>([...denyReasons, ...Object.keys(ERRORS)])
  expect(documented.filter((name) => !known.has(name))).toEqual([])
})

it.each([
  'README.md',
  'node-spoe/README.md',
  ...readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
])('every relative link of %s leads somewhere', (file) => {
  const text = readFileSync(join(ROOT, file), 'utf8')
  for (const [, target = ''] of text.matchAll(/\]\((?!https?:|#)([^)#]+)/g)) {
    expect(existsSync(join(ROOT, file, '..', target)), target).toBe(true)
  }
})
