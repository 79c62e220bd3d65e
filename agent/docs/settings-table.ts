import type { JsonSchema } from '../config/json-schema-type.ts'
import type { Definitions } from './definitions.ts'
import { typeOf } from './type-words.ts'

export interface Settings {
  /** Of the mapping; its keys are written behind it. */
  readonly path: string
  readonly schema: JsonSchema
  /** Keys whose own keys are told elsewhere. */
  readonly leaves?: readonly string[]
}

/** A row for each key of a mapping, and for each key below. */
export function settingsTable(definitions: Definitions, { path, schema, leaves = [] }: Settings): string {
  const rows = keysOfAll(definitions, mappingsOf(definitions, schema), path, leaves)
  return `| Key | Type | Default | Meaning |\n|---|---|---|---|\n${rows.join('\n')}\n`
}

function mappingsOf(definitions: Definitions, schema: JsonSchema): JsonSchema[] {
  return definitions.alternatives(schema).filter(({ properties }) => properties !== undefined)
}

/** Rows for the keys of a value that may be any of these mappings. A key must be there when all of them need it. */
function keysOfAll(
  definitions: Definitions,
  mappings: readonly JsonSchema[],
  path: string,
  leaves: readonly string[] = [],
): string[] {
  const rows = mappings.flatMap(({ properties = {} }) =>
    Object.entries(properties).flatMap(([key, member]) => {
      const schema = definitions.resolved(member)
      const at = path === '' ? key : `${path}.${key}`
      const isNeeded = mappings.every(({ required = [] }) => required.includes(key))
      const name = isNeeded ? `**\`${at}\`**` : `\`${at}\``
      const type = isPath(key, schema) ? 'path' : typeOf(definitions, schema)
      const row = `| ${name} | ${type} | ${defaultOf(schema)} | ${cell(schema.description ?? '')} |`
      return leaves.includes(key) ? [row] : [row, ...below(definitions, schema, at)]
    }),
  )
  return [...new Set(rows)]
}

/** Of a file: such keys keep to these names. */
function isPath(key: string, { type }: JsonSchema): boolean {
  return type === 'string' && /^file$|File$|^path$/.test(key)
}

/** Rows of the mappings that a key may hold, directly, in a list or under names of their own. */
function below(definitions: Definitions, schema: JsonSchema, path: string): string[] {
  if (isSecret(schema)) return []
  const direct = mappingsOf(definitions, schema)
  const rows = keysOfAll(definitions, direct, path)
  for (const { items, additionalProperties: others } of definitions.alternatives(schema)) {
    const inside = items === undefined || isSecret(items) ? [] : mappingsOf(definitions, items)
    // One entry may stand for the list: its keys have been told.
    if (!inside.every((entry) => direct.some((each) => sameKeys(each, entry)))) {
      rows.push(...keysOfAll(definitions, inside, `${path}[]`))
    }
    if (typeof others === 'object' && !isProviders(others)) {
      rows.push(...keysOfAll(definitions, mappingsOf(definitions, others), `${path}.<name>`))
    }
  }
  return rows
}

/** What it may hold is explained once. */
function isSecret({ title, anyOf = [] }: JsonSchema): boolean {
  return title?.startsWith('secret') === true || anyOf.some((one) => one.items !== undefined && isSecret(one.items))
}

function sameKeys(one: JsonSchema, other: JsonSchema): boolean {
  return Object.keys(one.properties ?? {}).join() === Object.keys(other.properties ?? {}).join()
}

/** They have sections of their own. */
function isProviders({ anyOf = [] }: JsonSchema): boolean {
  return anyOf.some(({ $ref = '' }) => $ref.startsWith('#/$defs/provider-'))
}

function defaultOf({ default: value }: JsonSchema): string {
  if (value === undefined || isEmpty(value)) return ''
  return `\`${typeof value === 'string' ? value : yaml(value)}\``
}

function isEmpty(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0
}

/** A small value as a person would write it. */
function yaml(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(yaml).join(', ')}]`
  if (typeof value !== 'object' || value === null) return String(value)
  const entries = Object.entries(value).map(([key, one]) => `${key}: ${yaml(one)}`)
  return `{ ${entries.join(', ')} }`
}

/** `<` and the like would be markup; a `|` would end the cell. */
function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('<', '&lt;').replaceAll('*', '\\*').replaceAll('_', '\\_')
}
