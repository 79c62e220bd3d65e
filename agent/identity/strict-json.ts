import { isUtf8 } from 'node:buffer'
import { withPlainKeys } from './json-scan.ts'
import { isObject, type JsonObject } from './plain-json.ts'

/**
 * The object that a text of JSON is, read more strictly than JSON.parse does: no key twice in one object, no key that needs
 * an escape, and no more than `maxDepth` objects and arrays open at once. Undefined for anything else.
 *
 * Most texts are settled by two counts: a text with as many colons behind keys as its value has members names no key
 * twice, for the second one would have left a colon and no member. Half the time of looking at each character.
 * @param escapes whether there is a backslash in it
 */
export function parseStrictObject(
  text: string,
  maxDepth: number,
  escapes = text.includes('\\'),
): JsonObject | undefined {
  try {
    // One may stand in a key, which JSON.parse is not to be asked about.
    if (!escapes) {
      const value: unknown = JSON.parse(text)
      if (!isObject(value)) return undefined
      if (membersOf(value, maxDepth) === colons(text)) return value
    }
    const plain = withPlainKeys(text, maxDepth)
    const value: unknown = plain === undefined ? undefined : JSON.parse(plain)
    return isObject(value) ? value : undefined
  } catch {
    return undefined // not JSON, a byte order mark included, or nested beyond all measure
  }
}

/** The same of bytes, which must be UTF-8. */
export function decodeStrictObject(bytes: Buffer, maxDepth: number): JsonObject | undefined {
  return isUtf8(bytes) ? parseStrictObject(bytes.toString('utf8'), maxDepth) : undefined
}

/** Members of all objects in the value; NaN, which equals nothing, when it nests deeper than `maxDepth`. */
function membersOf(value: object, maxDepth: number): number {
  if (maxDepth === 0) return Number.NaN
  let count = 0
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) {
      const member: unknown = value[i]
      if (typeof member === 'object' && member !== null) count += membersOf(member, maxDepth - 1)
    }
    return count
  }
  for (const key in value) {
    const member = (value as JsonObject)[key]
    count++
    if (typeof member === 'object' && member !== null) count += membersOf(member, maxDepth - 1)
  }
  return count
}

/**
 * Colons that may stand between a key and its value: behind a quote or white space, as JSON wants it. Never fewer than
 * there are; those inside strings may be counted too, and then the text is looked at in full.
 */
function colons(text: string): number {
  let count = 0
  for (let i = text.indexOf(':'); i >= 0; i = text.indexOf(':', i + 1)) {
    const before = text.charCodeAt(i - 1)
    if (before === 0x22 || before <= 0x20) count++
  }
  return count
}
