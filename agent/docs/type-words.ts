import { isDeepStrictEqual } from 'node:util'
import type { JsonSchema } from '../config/json-schema-type.ts'
import type { Definitions } from './definitions.ts'

/** What a key takes, in words. */
export function typeOf(definitions: Definitions, schema: JsonSchema): string {
  const { title } = definitions.resolved(schema)
  if (title !== undefined) return title.replace(/:.*$/, '')
  const alternatives = definitions.alternatives(schema)
  const list = alternatives.find(({ type }) => type === 'array')
  const others = alternatives.filter((one) => one !== list)
  const entries = list === undefined ? [] : definitions.alternatives(list.items ?? {})
  // One entry may stand for the list.
  const isEntry = (one: JsonSchema): boolean => entries.some((entry) => isDeepStrictEqual(entry, one))
  if (list !== undefined && others.length > 0 && others.every(isEntry)) {
    return `${typeOf(definitions, list.items ?? {})}, or a list`
  }
  const words = alternatives.map((one) => wordOf(definitions, one))
  return [...new Set(words)].join(' or ')
}

function wordOf(definitions: Definitions, schema: JsonSchema): string {
  const { type, const: word, enum: words, items, additionalProperties: others } = schema
  if (word !== undefined) return `\`${String(word)}\``
  if (words !== undefined) return words.map((one) => `\`${String(one)}\``).join(', ')
  if (schema.title !== undefined) return typeOf(definitions, schema)
  switch (type) {
    case 'boolean':
      return '`true`, `false`'
    case 'string':
      return 'text'
    case 'integer':
      return `whole number${rangeOf(schema)}`
    case 'number':
      return `number${rangeOf(schema)}`
    case 'array':
      return `list of ${typeOf(definitions, items ?? {})}`
    default: {
      const isMap = typeof others === 'object' && !isReference(others)
      return isMap ? `mapping to ${typeOf(definitions, others)}` : 'mapping'
    }
  }
}

/** Providers are told of elsewhere. */
function isReference({ anyOf = [] }: JsonSchema): boolean {
  return anyOf.some(({ $ref = '' }) => $ref.startsWith('#/$defs/provider-'))
}

function rangeOf({ minimum, maximum, exclusiveMinimum, exclusiveMaximum }: JsonSchema): string {
  const from = minimum ?? exclusiveMinimum
  const to = maximum ?? exclusiveMaximum
  if (from === undefined) return to === undefined ? '' : `, at most ${to}`
  if (to === undefined) return ` from ${from}`
  return exclusiveMinimum === undefined
    ? `, ${from} to ${to}`
    : ` above ${from}, ${exclusiveMaximum === undefined ? 'at most' : 'below'} ${to}`
}
