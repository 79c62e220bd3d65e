import { isSafeText } from './claim-values.ts'
import { atPath, type JsonObject } from './plain-json.ts'

/** Bytes of UTF-8 of one variable. */
export const MAX_VARIABLE_BYTES = 1024

/** Bytes of all texts together: with everything else an ACK holds they fit into the smallest SPOE frame in use. */
export const MAX_VARIABLES_BYTES = 8192

/**
 * The claims that a provider maps to variables of HAProxy. A claim that is absent, or that no header could carry as it
 * is, leaves its variable unset; so does one that comes when the others have used up the room, in the order of the
 * configuration. Frozen, without a prototype.
 */
export function variablesOf(
  claims: JsonObject,
  paths: Readonly<Record<string, readonly string[]>>,
): Readonly<Record<string, string | number | boolean>> {
  const variables = Object.create(null) as Record<string, string | number | boolean>
  let room = MAX_VARIABLES_BYTES
  for (const [name, path] of Object.entries(paths)) {
    const value = variableOf(atPath(claims, path))
    if (value === undefined) continue
    const bytes = typeof value === 'string' ? Buffer.byteLength(value) : 0
    if (bytes > room) continue
    room -= bytes
    variables[name] = value
  }
  return Object.freeze(variables)
}

/** Texts, whole numbers, booleans; lists of texts joined by commas if no member holds one, so that they can be split again. */
function variableOf(value: unknown): string | number | boolean | undefined {
  if (typeof value === 'boolean') return value
  // SPOP has no fractions.
  if (typeof value === 'number') return Number.isSafeInteger(value) ? value : undefined
  if (!Array.isArray(value)) return isSafeText(value, MAX_VARIABLE_BYTES) ? value : undefined
  if (!value.every((member) => isSafeText(member, MAX_VARIABLE_BYTES) && !member.includes(','))) return undefined
  const joined = value.join(',')
  return isSafeText(joined, MAX_VARIABLE_BYTES) ? joined : undefined
}
