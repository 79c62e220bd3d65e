import { isUtf8 } from 'node:buffer'
import { hasUniqueKeys } from './json-scan.ts'
import { isObject, type JsonObject } from './plain-json.ts'

/**
 * The object that a text of JSON is, read more strictly than JSON.parse does: no key twice in one object, and no more
 * than `maxDepth` objects and arrays open at once. Undefined for anything else.
 *
 * A text that JSON.stringify gives back to the letter names every key once, because an object cannot do otherwise: that
 * settles most tokens in a third of the time of looking at each character.
 */
export function parseStrictObject(text: string, maxDepth: number): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text)
    if (!isObject(value)) return undefined
    const unique = JSON.stringify(value) === text && brackets(text) <= maxDepth
    return unique || hasUniqueKeys(text, maxDepth) ? value : undefined
  } catch {
    return undefined // not JSON, a byte order mark included, or nested beyond all measure
  }
}

/** The same of bytes, which must be UTF-8. */
export function decodeStrictObject(bytes: Buffer, maxDepth: number): JsonObject | undefined {
  return isUtf8(bytes) ? parseStrictObject(bytes.toString('utf8'), maxDepth) : undefined
}

/** Objects and arrays that the text begins, at most: brackets inside strings are counted too. */
function brackets(text: string): number {
  let count = 0
  for (let i = text.indexOf('{'); i >= 0; i = text.indexOf('{', i + 1)) count++
  for (let i = text.indexOf('['); i >= 0; i = text.indexOf('[', i + 1)) count++
  return count
}
