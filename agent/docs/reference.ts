import { isDeepStrictEqual } from 'node:util'
import type { JsonSchema } from '../config/json-schema-type.ts'
import { type Settings, settingsTable } from './settings-table.ts'
import { Definitions } from './definitions.ts'

const INTRODUCTION = `# Reference of agent.yaml

Generated from the schema of the configuration by \`npm run docs\`: change the descriptions there. What the keys are for
together, variables, deny reasons and errors: [configuration](configuration.md). Expressions: [CEL](expressions.md).

- **Keys** in bold have to be there. \`a.b\` is the key \`b\` of the mapping \`a\`, \`a[].b\` one of each entry of the list \`a\`,
  \`a.<name>\` a key whose name you choose.
- **Durations** are a number and a unit: \`500us\`, \`40ms\`, \`2s\`, \`5m\`, \`1h\`, \`7d\`.
- **References** \`\${NAME}\` and \`\${NAME:-default}\` stand in any value; inside \`{ }\` and \`[ ]\` in quotes.
- **Paths** of files are relative to the folder of agent.yaml.
- **A secret** is \`{ file: path }\`, read again when it changes, or a text, which should come from the environment.
`

/** The keys that get a section each below their own heading, and what it is called. */
const SECTIONS: readonly (readonly [key: string, title: string])[] = [
  ['spop', 'spop'],
  ['admin', 'admin'],
  ['temporal', 'temporal'],
  ['outbox', 'outbox'],
  ['queue', 'queue'],
  ['reload', 'reload'],
  ['log', 'log'],
  ['identity', 'identity'],
  ['actor', 'actor'],
  ['audit', 'audit'],
  ['rules', 'rules'],
  ['default', 'default'],
]

/** Pages with examples, by kind. */
const PAGES: Readonly<Record<string, string>> = {
  certificate: 'certificates.md',
  aws: 'aws.md',
  alb: 'aws.md#application-load-balancer',
  introspection: 'introspection.md',
  forward_auth: 'forward-auth.md',
  api_key: 'api-keys.md',
  webhook: 'webhooks.md',
}

/** docs/reference.md. */
export function referencePage(schema: JsonSchema): string {
  const definitions = new Definitions(schema)
  const top = schema.properties ?? {}
  const missing = Object.keys(top).filter((key) => key !== 'version' && !SECTIONS.some(([name]) => name === key))
  if (missing.length > 0) throw new TypeError(`no section of the reference is about ${missing.join(', ')}`)
  const parts = [INTRODUCTION, contents(schema)]
  for (const [key, title] of SECTIONS) {
    const section = definitions.resolved(top[key] ?? {})
    parts.push(`## ${title}\n\n${sentence(section.description)}\n`)
    if (key === 'rules') parts.push(...rules(definitions))
    else parts.push(settingsTable(definitions, { path: key, schema: section }))
    if (key === 'identity') parts.push(...providers(definitions))
  }
  return `${parts.join('\n').trimEnd()}\n`
}

function contents({ properties = {}, required = [] }: JsonSchema): string {
  const rows = Object.entries(properties).map(([key, { description = '' }]) => {
    const name = required.includes(key) ? `**\`${key}\`**` : `\`${key}\``
    return `| ${SECTIONS.some(([section]) => section === key) ? `[${name}](#${key})` : name} | ${description} |`
  })
  return `| Key | Meaning |\n|---|---|\n${rows.join('\n')}\n`
}

function rules(definitions: Definitions): string[] {
  const group = definitions.named('group')
  const table = (settings: Settings): string => settingsTable(definitions, settings)
  return [
    'An entry is a rule, or a group: `host` and its `rules`.\n',
    `### A rule\n\n${table({ path: '', schema: definitions.named('rule') })}`,
    `### A group\n\n${sentence(group.description)}\n\n${table({ path: '', schema: group, leaves: ['rules'] })}`,
  ]
}

/** What JWT providers share is told once. */
function providers(definitions: Definitions): string[] {
  const named = definitions.names().filter((name) => name.startsWith('provider-'))
  const isJwt = (name: string): boolean => definitions.named(name).properties?.['kind']?.const === 'jwt'
  const jwt = named.filter(isJwt)
  const keys = jwt.map((name) => definitions.named(name).properties ?? {})
  const count = (key: string, schema: JsonSchema): number =>
    keys.filter((one) => isDeepStrictEqual(one[key], schema)).length
  // A preset may have a meaning of its own for a key that all the others share.
  const [first = {}] = keys
  const shared = Object.entries(first).filter(([key, schema]) => count(key, schema) > keys.length / 2)
  const isShared = (key: string, schema: JsonSchema): boolean =>
    shared.some(([name, one]) => name === key && isDeepStrictEqual(one, schema))
  const properties = Object.fromEntries(shared.filter(([key]) => key !== 'audience'))
  const parts = [
    '### Providers: kind `jwt`\n\nEvery preset takes these. [Page with examples](identity/presets.md).\n',
    settingsTable(definitions, { path: '', schema: { properties } }),
  ]
  for (const name of jwt) {
    const { properties: all = {}, required = [] } = definitions.named(name)
    const own = Object.fromEntries(
      Object.entries(all).filter(([key, one]) => key === 'audience' || !isShared(key, one)),
    )
    const { const: preset, description } = own['preset'] ?? {}
    parts.push(`#### Preset \`${String(preset)}\`\n\n${sentence(description)}\n`)
    parts.push(settingsTable(definitions, { path: '', schema: { properties: own, required } }))
  }
  for (const name of named.filter((one) => !isJwt(one))) {
    const schema = definitions.named(name)
    const { const: kind, description } = schema.properties?.['kind'] ?? {}
    const page = PAGES[String(kind)]
    if (page === undefined) throw new TypeError(`no page is about the kind ${String(kind)}`)
    const examples = `[Page with examples](identity/${page}).`
    parts.push(`### Providers: kind \`${String(kind)}\`\n\n${sentence(description)} ${examples}\n`)
    parts.push(settingsTable(definitions, { path: '', schema }))
  }
  return parts
}

function sentence(description = ''): string {
  return description === '' ? '' : `${description}.`
}
