import { isDeepStrictEqual } from 'node:util'
import { z } from 'zod'
import { formatDuration } from './duration.ts'
import { nameParts } from './json-schema-parts.ts'
import type { JsonSchema } from './json-schema-type.ts'
import { configSchema } from './schema.ts'

/** Names the format, and is never fetched. */
export const SCHEMA_ID = 'urn:haproxy-temporal:agent.yaml:1'

const REFERENCE: JsonSchema = {
  description: 'A value with references to environment variables: ${NAME}, ${NAME:-default}',
  type: 'string',
  pattern: '\\$\\{[A-Za-z_][A-Za-z0-9_]*(?::-[^}]*)?\\}',
}
const TO_REFERENCE: JsonSchema = { $ref: '#/$defs/reference' }

/**
 * What an editor needs to know of agent.yaml: keys, types, ranges, defaults, descriptions. It takes every file that the
 * agent takes; conditions between keys, expressions and names are left to `haproxy-temporal check`.
 */
export function agentSchema(): JsonSchema {
  const generated = z.toJSONSchema(configSchema, {
    io: 'input',
    unrepresentable: 'any',
    override: ({ zodSchema, jsonSchema }) => {
      const { def } = zodSchema._zod
      if (def.type === 'default') jsonSchema.default ??= asWritten(def.defaultValue, jsonSchema.title)
    },
  }) as JsonSchema
  const { $schema, ...root } = tidied(generated)
  const $defs: Record<string, JsonSchema> = { reference: REFERENCE }
  nameParts(root, $defs)
  return { $schema: $schema ?? '', $id: SCHEMA_ID, title: 'agent.yaml of haproxy-temporal', ...root, $defs }
}

/** A default as the file would have it: zod knows what durations become. */
function asWritten(value: unknown, title: string | undefined): unknown {
  return typeof value === 'number' && title?.startsWith('duration') === true ? formatDuration(value) : value
}

/** The schema of a value, in the form that editors show best. */
function tidied({ oneOf, shorthand, ...node }: JsonSchema): JsonSchema {
  const { properties, items, anyOf = oneOf, additionalProperties: others } = node
  const below: JsonSchema = {
    ...node,
    ...(properties !== undefined && { properties: mapValues(properties, tidied) }),
    ...(items !== undefined && { items: tidied(items) }),
    ...(typeof others === 'object' && { additionalProperties: tidied(others) }),
    ...(anyOf !== undefined && { anyOf: flat(asChoice(anyOf).map(tidied)) }),
  }
  const required = node.required?.filter((key) => properties?.[key]?.implied !== true) ?? []
  if (required.length > 0) below.required = required
  else delete below.required
  delete below.implied
  // A word of zod, and the limits of whole numbers in JavaScript.
  if (below.format === 'starts_with') delete below.format
  if (Math.abs(below.maximum ?? 0) === Number.MAX_SAFE_INTEGER) delete below.maximum
  if (Math.abs(below.minimum ?? 0) === Number.MAX_SAFE_INTEGER) delete below.minimum
  const or: JsonSchema[] = []
  if (isNarrow(below)) or.push(TO_REFERENCE)
  if (shorthand === 'item') or.push(below.items ?? {})
  if (shorthand === 'address') or.push({ anyOf: below.properties?.['address']?.anyOf ?? [] })
  return or.length === 0 ? inOrder(below) : alternatives(below, or)
}

/** Several constants are one choice. */
function asChoice(options: readonly JsonSchema[]): JsonSchema[] {
  const choice = options.filter(({ const: word }) => word !== undefined)
  const [first] = choice
  if (first?.type === undefined || choice.length < 2) return [...options]
  const rest = options.filter((option) => !choice.includes(option))
  return [{ type: first.type, enum: choice.flatMap(({ const: word }) => (word === undefined ? [] : [word])) }, ...rest]
}

/** Numbers, truth values and texts of a certain form may come from the environment instead. */
function isNarrow({ type, pattern, enum: words, const: word }: JsonSchema): boolean {
  if (word !== undefined) return false
  return ['number', 'integer', 'boolean'].includes(type ?? '') || words !== undefined || pattern !== undefined
}

/** `node`, or one of `others`; what is told to people stands above both. */
function alternatives({ title, description, default: value, ...node }: JsonSchema, others: JsonSchema[]): JsonSchema {
  const told = { ...(title !== undefined && { title }), ...(description !== undefined && { description }) }
  return { ...told, ...(value !== undefined && { default: value }), anyOf: flat([inOrder(node), ...others]) }
}

/** Without alternatives inside alternatives, and none twice. */
function flat(options: readonly JsonSchema[]): JsonSchema[] {
  const all = options.flatMap((option) => {
    const isOnly = Object.keys(option).every((keyword) => keyword === 'anyOf' || keyword === 'title')
    return option.anyOf !== undefined && isOnly ? option.anyOf : [option]
  })
  return all.filter((one, i) => all.findIndex((other) => isDeepStrictEqual(one, other)) === i)
}

/** What people read comes first. */
function inOrder({ title, description, default: value, type, ...rest }: JsonSchema): JsonSchema {
  return {
    ...(title !== undefined && { title }),
    ...(description !== undefined && { description }),
    ...(value !== undefined && { default: value }),
    ...(type !== undefined && { type }),
    ...rest,
  }
}

function mapValues(
  from: Readonly<Record<string, JsonSchema>>,
  map: (one: JsonSchema) => JsonSchema,
): Record<string, JsonSchema> {
  return Object.fromEntries(Object.entries(from).map(([key, one]) => [key, map(one)]))
}

/** {@link agentSchema} as the published file has it. */
export function schemaText(): string {
  return `${JSON.stringify(agentSchema(), null, 2)}\n`
}
