import { expect, it } from 'vitest'
import { z } from 'zod'
import { configSchema } from '../../../agent/config/schema.ts'

type Schema = z.core.$ZodType

interface Key {
  readonly path: string
  readonly description: string | undefined
}

const def = (schema: Schema): Record<string, unknown> => schema._zod.def as unknown as Record<string, unknown>

/** What the schema says of itself, or what it wraps does. */
function description(schema: Schema): string | undefined {
  const own = z.globalRegistry.get(schema)?.description
  const inner = (def(schema)['innerType'] ?? def(schema)['in']) as Schema | undefined
  return own ?? (inner === undefined ? undefined : description(inner))
}

/** All keys that the file can have, wherever they stand. */
function keysOf(schema: Schema, path: string): Key[] {
  const { shape, options, innerType, element, valueType, in: before, out } = def(schema)
  if (shape !== undefined) {
    return Object.entries(shape as Record<string, Schema>).flatMap(([key, member]) => {
      const at = path === '' ? key : `${path}.${key}`
      return [{ path: at, description: description(member) }, ...keysOf(member, at)]
    })
  }
  const below = [...((options as Schema[] | undefined) ?? []), innerType, element, valueType, before, out]
  return below.filter((part) => part !== undefined).flatMap((part) => keysOf(part as Schema, path))
}

const keys = keysOf(configSchema, '')

it('the walk finds keys of every depth', () => {
  const paths = keys.map(({ path }) => path)
  expect(paths).toEqual(
    expect.arrayContaining([
      'spop.listen.tls.certFile',
      'identity.providers.dpop.nonce',
      'identity.providers.claims.variables',
      'rules.match.header.regex',
      'rules.rules.workflow.data',
      'actor.fields.session',
    ]),
  )
  expect(paths.length).toBeGreaterThan(700)
})

it('every key of agent.yaml has a description', () => {
  expect(keys.filter((key) => key.description === undefined).map(({ path }) => path)).toEqual([])
})

it('descriptions are short texts of one line that fit into a table', () => {
  const wrong = keys.filter(
    ({ description: text = '' }) => text.length < 3 || text.length > 260 || /[\n|]/.test(text) || text.endsWith('.'),
  )
  expect(wrong).toEqual([])
})
