import type { JsonSchema } from './json-schema-type.ts'

/** Settings shorter than this, as JSON, stand where they are used. */
const WORTH_A_NAME = 120

/** Moves what stands in several places, or what people should find by its name, into `$defs`. */
export function nameParts(root: JsonSchema, $defs: Record<string, JsonSchema>): void {
  nameRules(root, $defs)
  const providers = nameProviders(root, $defs)
  nameShared(providers, $defs)
}

function at(schema: JsonSchema | undefined, ...keys: readonly string[]): JsonSchema {
  let found = schema
  for (const key of keys) found = found?.properties?.[key]
  if (found === undefined) throw new TypeError(`the schema has no ${keys.join('.')}`)
  return found
}

const to = (name: string): JsonSchema => ({ $ref: `#/$defs/${name}` })

/** Rules stand in the list and in groups. */
function nameRules(root: JsonSchema, $defs: Record<string, JsonSchema>): void {
  const list = at(root, 'rules')
  const [rule, group] = list.items?.anyOf ?? []
  if (rule === undefined || group === undefined) throw new TypeError('rules have another form')
  at(group, 'rules').items = to('rule')
  list.items = { anyOf: [to('rule'), to('group')] }
  Object.assign($defs, { rule, group })
}

/** Each kind of provider and each preset has a name. */
function nameProviders(root: JsonSchema, $defs: Record<string, JsonSchema>): JsonSchema[] {
  const providers = at(root, 'identity', 'providers')
  const kinds = typeof providers.additionalProperties === 'object' ? providers.additionalProperties.anyOf : undefined
  if (kinds === undefined) throw new TypeError('providers have another form')
  const named = kinds.map((schema) => ({ name: providerName(schema), schema: alone(schema) }))
  providers.additionalProperties = { anyOf: named.map(({ name }) => to(name)) }
  for (const { name, schema } of named) $defs[name] = schema
  return named.map(({ schema }) => schema)
}

function providerName(provider: JsonSchema): string {
  const kind = at(provider, 'kind').const
  return `provider-${String(kind === 'jwt' ? at(provider, 'preset').const : kind)}`
}

/** Where nothing names a kind it is a JWT: the preset "alb" is a kind of its own, which one of two keys has to name. */
function alone(provider: JsonSchema): JsonSchema {
  return at(provider, 'kind').const === 'alb'
    ? { ...provider, anyOf: [{ required: ['kind'] }, { required: ['preset'] }] }
    : provider
}

/** Settings that several providers have, word for word. */
function nameShared(providers: readonly JsonSchema[], $defs: Record<string, JsonSchema>): void {
  const seen = new Map<string, number>()
  const count = (schema: JsonSchema): number => seen.get(JSON.stringify(schema)) ?? 0
  const settings = providers.flatMap(({ properties = {} }) => Object.values(properties))
  for (const schema of settings) seen.set(JSON.stringify(schema), count(schema) + 1)
  for (const { properties = {} } of providers) {
    for (const [key, schema] of Object.entries(properties)) {
      const text = JSON.stringify(schema)
      if (count(schema) < 2 || text.length < WORTH_A_NAME) continue
      const name = `setting-${key}`
      $defs[name] ??= schema
      if (JSON.stringify($defs[name]) === text) properties[key] = to(name)
    }
  }
}
