import type { z } from 'zod'

type Schema = z.core.$ZodType

interface AnyDef {
  readonly type: string
  readonly innerType?: Schema
  readonly in?: Schema
  readonly out?: Schema
  readonly options?: readonly Schema[]
  readonly shape?: Readonly<Record<string, Schema>>
  readonly element?: Schema
  readonly valueType?: Schema
  readonly values?: readonly unknown[]
  readonly transform?: (value: unknown, context: unknown) => unknown
}

/** A schema, and the value that it is about to judge. */
interface Judged {
  readonly schema: Schema
  readonly value: unknown
}

/** A mapping that may stand at a place of the file. */
export interface KnownMapping {
  readonly shape: Readonly<Record<string, Schema>>
  /** What tells it from its alternatives: `kind "jwt"`, `preset "oidc"`. */
  readonly marks: readonly string[]
  /** Whether the value has these marks. */
  readonly fits: boolean
}

const defOf = (schema: Schema): AnyDef => schema._zod.def as unknown as AnyDef

/** The mappings that the schema knows at `path` of a file that holds `value`. */
export function mappingsAt(root: Schema, value: unknown, path: readonly PropertyKey[]): KnownMapping[] {
  let found: Judged[] = [{ schema: root, value }]
  for (const part of path) {
    const parents = found.flatMap(unwrap)
    const fitting = parents.filter(fits)
    found = (fitting.length > 0 ? fitting : parents).flatMap((judged) => child(judged, part))
  }
  return found.flatMap(unwrap).flatMap((judged) => {
    const { shape } = defOf(judged.schema)
    return shape === undefined ? [] : [{ shape, marks: marks(judged.schema), fits: fits(judged) }]
  })
}

/** Looks through defaults, optionals, transforms before and after, and unions. */
function unwrap({ schema, value }: Judged): Judged[] {
  const def = defOf(schema)
  if (def.innerType !== undefined) return unwrap({ schema: def.innerType, value })
  if (def.in !== undefined) {
    const before = defOf(def.in)
    if (before.type !== 'transform' || def.out === undefined) return unwrap({ schema: def.in, value })
    return unwrap({ schema: def.out, value: before.transform?.(value, { value, issues: [] }) })
  }
  return def.options === undefined
    ? [{ schema, value }]
    : def.options.flatMap((option) => unwrap({ schema: option, value }))
}

function child({ schema, value }: Judged, part: PropertyKey): Judged[] {
  const { shape, element, valueType } = defOf(schema)
  const inner = typeof value === 'object' && value !== null ? (value as Record<PropertyKey, unknown>)[part] : undefined
  const next =
    shape === undefined ? (element ?? valueType) : Object.hasOwn(shape, part) ? shape[String(part)] : undefined
  return next === undefined ? [] : [{ schema: next, value: inner }]
}

/** The words that a key must have, when the schema leaves no choice. */
function literal(schema: Schema): { word: unknown; optional: boolean } | undefined {
  const def = defOf(schema)
  if (def.innerType !== undefined) {
    const inner = literal(def.innerType)
    return inner === undefined ? undefined : { ...inner, optional: true }
  }
  return def.type === 'literal' && def.values?.length === 1 ? { word: def.values[0], optional: false } : undefined
}

/** Keys with one fixed text: those that tell alternatives apart. */
function fixed(schema: Schema): { key: string; word: string; optional: boolean }[] {
  return Object.entries(defOf(schema).shape ?? {}).flatMap(([key, member]) => {
    const found = literal(member)
    return typeof found?.word === 'string' ? [{ key, word: found.word, optional: found.optional }] : []
  })
}

function marks(schema: Schema): string[] {
  return fixed(schema).map(({ key, word }) => `${key} "${word}"`)
}

function fits({ schema, value }: Judged): boolean {
  if (typeof value !== 'object' || value === null) return true
  return fixed(schema).every(({ key, word, optional }) => {
    const found = (value as Record<string, unknown>)[key]
    return found === undefined ? optional : found === word
  })
}

/** Keys that a mapping cannot do without. */
export function requiredKeys({ shape }: KnownMapping): string[] {
  return Object.entries(shape).flatMap(([key, schema]) => (schema._zod.optin === undefined ? [key] : []))
}

/** The mappings directly below a key: where a key that stands one level too high may belong. */
export function mappingsBelow({ shape }: KnownMapping, key: string): KnownMapping[] {
  const schema = shape[key]
  return schema === undefined ? [] : mappingsAt(schema, undefined, [])
}
