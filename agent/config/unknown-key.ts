import type { z } from 'zod'
import { type KnownMapping, mappingsAt, mappingsBelow } from './schema-walk.ts'
import { suggest } from './suggest.ts'

/** Why a key is unknown, and the key that was likely meant. */
export interface UnknownKey {
  readonly hint: string
  readonly meant?: string
}

/** Kinds or presets that are named before "and others". */
const NAMED = 3

/**
 * What to do about a key that nothing is known of at `path`.
 * @param value the whole file, which tells which of several alternatives is meant
 */
export function explainUnknownKey(
  root: z.core.$ZodType,
  value: unknown,
  path: readonly PropertyKey[],
  key: string,
): UnknownKey {
  if (/[^\x21-\x7e]/.test(key)) {
    const plain = key.replace(/[^\x21-\x7e]/g, '')
    const known = mappingsAt(root, value, path).some(({ shape }) => Object.hasOwn(shape, plain))
    if (known)
      return { hint: `It holds blanks or characters that only look like others: write "${plain}".`, meant: plain }
  }
  const all = mappingsAt(root, value, path)
  const fitting = all.filter(({ fits }) => fits)
  const here = fitting.length > 0 ? fitting : all
  const owners = all.filter((mapping) => !here.includes(mapping) && Object.hasOwn(mapping.shape, key))
  if (owners.length > 0) return { hint: ownersHint(key, owners, here[0]) }

  const known = [...new Set(here.flatMap(({ shape }) => Object.keys(shape)))].filter((other) => other !== key)
  const near = suggest(key, known, 1)
  if (near !== undefined) return { hint: `Did you mean "${near}"?`, meant: near }
  const elsewhere = otherLevel(root, value, path, key, here)
  if (elsewhere !== undefined) return { hint: elsewhere }
  const close = suggest(key, known)
  if (close !== undefined) return { hint: `Did you mean "${close}"?`, meant: close }
  return { hint: known.length === 0 ? 'Remove it.' : `Known here: ${known.join(', ')}.` }
}

function ownersHint(key: string, owners: readonly KnownMapping[], here: KnownMapping | undefined): string {
  const own = here?.marks ?? []
  // The first that differs: of another kind the preset says nothing.
  const named = [...new Set(owners.flatMap(({ marks }) => marks.find((mark) => !own.includes(mark)) ?? []))]
  if (named.length === 0) return 'This key belongs to another kind or preset.'
  const more = named.length > NAMED ? ' and others' : ''
  const is = own.length === 0 ? '' : `; this is ${own.join(', ')}`
  return `"${key}" belongs to ${named.slice(0, NAMED).join(' or ')}${more}${is}.`
}

/** Whether the key is known one level up or down: most likely a slip of indentation. */
function otherLevel(
  root: z.core.$ZodType,
  value: unknown,
  path: readonly PropertyKey[],
  key: string,
  here: readonly KnownMapping[],
): string | undefined {
  const has = ({ shape }: KnownMapping): boolean => Object.hasOwn(shape, key)
  for (const mapping of here) {
    const below = Object.keys(mapping.shape).find((other) => mappingsBelow(mapping, other).some(has))
    if (below !== undefined) return `It belongs into "${below}": ${below}: { ${key}: … }.`
  }
  const names = path.filter((part) => typeof part === 'string')
  for (let depth = path.length - 1; depth >= 0; depth--) {
    if (!mappingsAt(root, value, path.slice(0, depth)).some(has)) continue
    return `It belongs further left, beside "${String(names[path.slice(0, depth).filter((p) => typeof p === 'string').length])}".`
  }
  return undefined
}
