import { Ajv2020 } from 'ajv/dist/2020.js'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { agentSchema } from '../../../agent/config/json-schema.ts'
import { parseConfig } from '../../../agent/config/load.ts'
import { compileRules } from '../../../agent/rules/compile.ts'
import { RESERVED_VARIABLES } from '../../../agent/rules/variables.ts'
import { codeBlocks, docsPage } from '../../support/docs.ts'
import { HEAD } from '../config/bad-files/row.ts'

const page = docsPage('configuration.md')
const examples = codeBlocks(page, 'yaml').map((text, i) => ({ i, text: `${HEAD}${text}` }))
const validate = new Ajv2020({ strictRequired: false }).compile<unknown>(agentSchema())

it.each(examples)('example $i of the page about rules compiles, and editors take it', ({ text }) => {
  const { config, document } = parseConfig('agent.yaml', text, {})
  expect(compileRules(config, document)).toBeDefined()
  expect(validate(parse(text)), JSON.stringify(validate.errors)).toBe(true)
})

describe('the page', () => {
  it('has an example of every key of a rule that was not there from the beginning', () => {
    const all = examples.map(({ text }) => text).join('')
    const matching = ['header', 'query', 'source', 'time', 'tls', 'pathRegex', 'host', 'on', 'mode']
    const effects = ['limit', 'redirect', 'message', 'routeBy', 'idempotencyKey', 'data', 'sample']
    for (const key of [...matching, ...effects]) {
      expect(all, key).toMatch(new RegExp(`\\b${key}:`))
    }
    expect(all).toContain('captures.')
  })

  it('names every variable that a rule may not set', () => {
    const table = page.split('## Variables')[1]?.split('## Deny reasons')[0] ?? ''
    for (const name of RESERVED_VARIABLES) expect(table, name).toContain(`\`${name}\``)
  })

  it.each([
    ['a merge key', 'rules:\n  - &a { name: a, identity: none }\n  - { <<: *a, name: b }\n', 'a merge key'],
    ['a tag', 'rules: !custom []\n', 'tag'],
    ['a key that is no text', 'rules: []\n? [a]\n: 1\n', 'no text'],
    ['the same key twice', 'rules: []\nrules: []\n', 'stands twice'],
    ['a reference in a key', 'rules: [{ name: a, identity: none, set: { "${A}": "1" } }]\n', 'in a key'],
    ['two documents', 'rules: []\n---\nrules: []\n', 'document'],
    ['deep nesting', `rules: ${'['.repeat(80)}${']'.repeat(80)}\n`, 'nested deeper than 64'],
  ])('says rightly that YAML with %s is refused', (_, text, message) => {
    expect(() => parseConfig('agent.yaml', `${HEAD}${text}`, {})).toThrow(message)
  })

  it('says rightly that aliases and the usual tags are taken', () => {
    const text = 'rules:\n  - { name: !!str a, identity: &i none }\n  - { name: b, identity: *i }\n'
    expect(parseConfig('agent.yaml', `${HEAD}${text}`, {}).config.rules).toHaveLength(2)
  })
})
