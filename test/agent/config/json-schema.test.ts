import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { agentSchema, SCHEMA_ID, schemaText } from '../../../agent/config/json-schema.ts'
import type { JsonSchema } from '../../../agent/config/json-schema-type.ts'
import { ROOT } from '../../../agent/dev/tools.ts'
import { codeBlocks } from '../../support/docs.ts'
import { CEL } from './bad-files/cel.ts'
import { PROVIDERS } from './bad-files/providers.ts'
import { HEAD, provider, unmark } from './bad-files/row.ts'
import { RULES } from './bad-files/rules.ts'
import { SECTIONS } from './bad-files/sections.ts'

const schema = agentSchema()
const ajv = new Ajv2020({ allErrors: true, strictRequired: false })
const validate = ajv.compile<unknown>(schema)

/** What the schema has against a file, as places and reasons. */
function refusals(text: string): string[] {
  validate(parse(text))
  return (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`)
}

/** All schemas inside one, each with its place as a JSON pointer. */
function parts(node: JsonSchema, place = ''): { place: string; node: JsonSchema }[] {
  const { properties = {}, $defs = {}, items, anyOf = [], additionalProperties } = node
  const below = [
    ...Object.entries(properties).map(([key, one]) => [`properties/${key}`, one] as const),
    ...Object.entries($defs).map(([key, one]) => [`$defs/${key}`, one] as const),
    ...anyOf.map((one, i) => [`anyOf/${i}`, one] as const),
    ...(items === undefined ? [] : [['items', items] as const]),
    ...(typeof additionalProperties === 'object' ? [['additionalProperties', additionalProperties] as const] : []),
  ]
  return [{ place, node }, ...below.flatMap(([key, one]) => parts(one, `${place}/${key}`))]
}

const pages = ['docs', 'docs/identity', 'docs/recipes', '.'].flatMap((folder) =>
  readdirSync(join(ROOT, folder))
    .filter((name) => name.endsWith('.md'))
    .map((name) => join(folder, name)),
)
const examples = pages.flatMap((page) =>
  codeBlocks(readFileSync(join(ROOT, page), 'utf8'), 'yaml')
    .filter((text) => /^version: 1$/m.test(text))
    .map((text, i) => ({ page, i, text })),
)

it('schema/agent.schema.json is what the schema of the configuration gives: "npm run docs" writes it', () => {
  expect(readFileSync(join(ROOT, 'schema/agent.schema.json'), 'utf8')).toBe(schemaText())
})

it('the shipped agent.yaml is accepted, with its references', () => {
  expect(refusals(readFileSync(join(ROOT, 'agent.yaml'), 'utf8'))).toEqual([])
})

it('there are examples of all kinds of providers', () => {
  expect(examples.length).toBeGreaterThan(25)
})

it.each(examples)('example $i of $page is accepted', ({ text }) => {
  expect(refusals(text)).toEqual([])
})

// Another row of the table has a number where the text of an expression is due.
it.each(CEL.filter(({ code }) => code === 'CONFIG_CEL'))(
  'a file in which only an expression is wrong is accepted: $name',
  ({ text }) => {
    expect(refusals(unmark(text).text)).toEqual([])
  },
)

describe('refuses', () => {
  const wrong = [...SECTIONS, ...PROVIDERS, ...RULES].filter(({ env }) => env === undefined)

  it.each(wrong.filter(({ code }) => code === 'CONFIG_UNKNOWN_KEY'))('the unknown key of "$name"', ({ text }) => {
    expect(refusals(unmark(text).text)).not.toEqual([])
  })

  it.each([
    ['a number where a text is due', 'log: { level: 7 }'],
    ['a word outside a list', 'log: { level: loud }'],
    ['a number out of its range', 'audit: { to: stdout, maxQueue: 5 }'],
    ['a duration without a unit', 'outbox: { drain: "5" }'],
    ['a fraction', 'queue: { maxEvents: 1.5 }'],
    ['a text that is neither number nor reference', 'queue: { maxEvents: many }'],
    ['half a reference', 'queue: { maxEvents: "${MAX" }'],
    ['a status that has no response', 'default: { deny: 418 }'],
    ['audit records without a place', 'audit: { format: ecs }'],
  ])('%s', (_, text) => {
    expect(refusals(`${HEAD}rules: []\n${text}\n`)).not.toEqual([])
  })

  it('a provider of two presets at once', () => {
    expect(
      refusals(provider('{ preset: okta, issuer: "https://a.example.com/oauth2/x", audience: a, tenants: [t] }')),
    ).toEqual([])
    expect(
      refusals(provider('{ preset: okta, issuer: "https://a.example.com/oauth2/x", audience: a, userPool: p }')),
    ).not.toEqual([])
  })
})

describe('accepts', () => {
  it.each([
    ['a reference in place of a number', 'queue: { maxEvents: "${MAX:-5}" }'],
    ['a reference in place of a word', 'log: { level: "${LEVEL}" }'],
    ['a reference in place of a truth value', 'actor: { searchAttributes: "${SEARCH:-false}" }'],
    ['a reference in place of a duration', 'outbox: { drain: "${DRAIN:-5s}" }'],
    ['a reference within a text', 'admin: { listen: "tcp://127.0.0.1:${PORT:-1}" }'],
    ['an admin token from a file', 'admin: { listen: "tcp://127.0.0.1:1", token: { file: a } }'],
  ])('%s', (_, text) => {
    expect(refusals(`${HEAD}rules: []\n${text}\n`)).toEqual([])
  })

  it.each([
    '"tcp://127.0.0.1:9000"',
    '["tcp://127.0.0.1:9000", "unix:///run/a.sock"]',
    '{ address: "unix:///run/a.sock", mode: "0660" }',
    '[{ address: "tcp://0.0.0.0:9000", allow: [10.0.0.0/8] }]',
    '"tcp://127.0.0.1:${PORT}"',
  ])('spop.listen: %s', (listen) => {
    const text = `version: 1\nspop: { listen: ${listen} }\ntemporal: { address: "a:1" }\nrules: []\n`
    expect(refusals(text)).toEqual([])
  })

  it.each([
    '{ issuer: "https://id.example.com", audience: a }',
    '{ kind: jwt, preset: oidc, issuer: ["https://id.example.com"], audience: [a] }',
    '{ kind: webhook, scheme: github, secrets: "${SECRET}" }',
    '{ kind: webhook, scheme: github, secrets: [{ file: a }, { file: b }] }',
    '{ kind: introspection, issuer: "https://i.example.com", audience: a, client: { id: a, secret: { file: b } } }',
  ])('the provider %s', (text) => {
    expect(refusals(provider(text))).toEqual([])
  })
})

it('every default is what its key takes', () => {
  const withDefault = parts(schema).filter(({ node }) => node.default !== undefined)
  expect(withDefault.length).toBeGreaterThan(100)
  for (const { place, node } of withDefault) {
    const takes = ajv.compile({ $ref: `${SCHEMA_ID}#${place}` })
    expect(takes(node.default), `${place} ${JSON.stringify(node.default)}`).toBe(true)
  }
})

it('nothing takes just anything, and nothing is left of the words that are only ours', () => {
  const all = parts(schema)
  expect(all.filter(({ node }) => Object.keys(node).length === 0)).toEqual([])
  expect(schemaText()).not.toMatch(/"(?:shorthand|implied|starts_with)"/)
})

it('every key of a mapping has a description, or refers to one that has', () => {
  const bare = parts(schema).flatMap(({ place, node }) =>
    Object.entries(node.properties ?? {}).flatMap(([key, { $ref, description }]) => {
      const shared = schema.$defs?.[$ref?.split('/').at(-1) ?? '']
      return (description ?? shared?.description) === undefined ? [`${place}/${key}`] : []
    }),
  )
  expect(bare).toEqual([])
})
