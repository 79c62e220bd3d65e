import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { agentSchema } from '../../../agent/config/json-schema.ts'
import { ROOT } from '../../../agent/dev/tools.ts'
import { referencePage } from '../../../agent/docs/reference.ts'
import { docsPage, docsSection } from '../../support/docs.ts'

const schema = agentSchema()
const page = referencePage(schema)

it('docs/reference.md is what the schema gives: "npm run docs" writes it', () => {
  expect(docsPage('reference.md')).toBe(page)
})

it('every key of the file has a section, and no table has a row without a type or a meaning', () => {
  for (const key of Object.keys(schema.properties ?? {}).filter((name) => name !== 'version')) {
    expect(docsSection(page, key), key).toContain('| Key | Type |')
  }
  const rows = page.split('\n').filter((line) => line.startsWith('| `') || line.startsWith('| **`'))
  const lists = rows.filter((line) => line.split(/(?<!\\) \| /).length === 4)
  expect(lists.length).toBeGreaterThan(300)
  expect(lists.filter((line) => /\| (?:undefined)? ?\|$/.test(line) || /^\| \S+ \| {1,2}\|/.test(line))).toEqual([])
})

it('every kind and every preset has a section', () => {
  const named = Object.keys(schema.$defs ?? {}).filter((name) => name.startsWith('provider-'))
  expect(named.length).toBeGreaterThan(15)
  for (const name of named) {
    expect(page).toMatch(
      new RegExp(`^#### Preset \`${name.slice(9)}\`$|^### Providers: kind \`${name.slice(9)}\`$`, 'm'),
    )
  }
})

it('a row tells type, default and meaning; a key that has to be there is bold', () => {
  expect(page).toContain('| `spop.deadline` | duration, 1ms to 1m | `40ms` | Every request is answered by then')
  expect(page).toContain('| **`temporal.address`** | text |  | ')
  expect(page).toContain('| `outbox.path` | path | `.data/outbox.db` | ')
  expect(page).toContain('| `actor.fields.session` | `plain`, `pseudonym`, `omit` | `omit` | ')
  expect(page).toContain('| **`secrets`** | secret, or a list |')
  expect(page).toContain('| `match.when` | CEL expression |')
})

it('a key of the file that no section is about stops the generator', () => {
  const more = { ...schema, properties: { ...schema.properties, extra: { type: 'string', description: 'New' } } }
  expect(() => referencePage(more)).toThrow('no section of the reference is about extra')
})

it('the pages that it links to are there', () => {
  for (const [, target = ''] of page.matchAll(/\]\(([^)#]+)/g)) {
    expect(readFileSync(join(ROOT, 'docs', target), 'utf8')).not.toBe('')
  }
})
