import { hash } from 'node:crypto'

/** Characters of a key that are kept as they are. */
export const MAX_KEY = 128
/** With "#" and the 43 characters of the hash behind it longer than {@link MAX_KEY}: no short key is equal to it. */
const KEPT = 85

/** A key of bounded length: callers choose what stands in it. A long one becomes its beginning and its SHA-256. */
export function boundedKey(key: string): string {
  return key.length <= MAX_KEY ? key : `${key.slice(0, KEPT)}#${hash('sha256', key, 'base64url')}`
}

/**
 * A copy with memory of its own. A part of a text may hold on to all of that text, and what is kept for long must not
 * keep a request head each.
 */
export function ownCopy(key: string): string {
  const encoding = /^[\x00-\xff]*$/.test(key) ? 'latin1' : 'utf16le'
  return Buffer.from(key, encoding).toString(encoding)
}
