/** Bytes of UTF-8 of a role or scope. */
const MAX_NAME = 256

/** Seconds since the epoch, year 36812: beyond it lies no honest date, and Infinity (`1e400`) lies there too. */
const MAX_DATE = 2 ** 40

/** NumericDate of RFC 7519 section 2, possibly a fraction. */
export function isDate(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value <= MAX_DATE
}

/**
 * Whether a claim may become a variable of HAProxy and thereby a header or a log field: a non-empty string of at most
 * `maxBytes` bytes of UTF-8 without control characters (C0, DEL, C1) and without white space at its ends. Lone surrogates
 * are refused too: two different ones would reach the wire as the same U+FFFD, and two callers would look like one.
 */
export function isSafeText(value: unknown, maxBytes: number): value is string {
  if (typeof value !== 'string' || value === '' || value.length > maxBytes) return false
  let ascii = true
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i)
    if (code < 0x20 || (code >= 0x7f && code < 0xa0)) return false
    if (code > 0x7f) ascii = false
  }
  // Servers trim what a header holds: ` admin` would be `admin` to them.
  if (ascii) return value.charCodeAt(0) !== 0x20 && value.charCodeAt(value.length - 1) !== 0x20
  if (value.trim() !== value) return false
  return value.isWellFormed() && Buffer.byteLength(value) <= maxBytes
}

/** Whether `aud` names one of ours exactly; undefined when it is neither a string nor an array of strings. */
export function audienceMatches(aud: unknown, ours: readonly string[]): boolean | undefined {
  if (typeof aud === 'string') return ours.includes(aud)
  if (!Array.isArray(aud) || !aud.every((value) => typeof value === 'string')) return undefined
  return aud.some((value) => ours.includes(value))
}

/** {@link names} found a member that is no name. */
export const NOT_NAMES = Symbol('not a name')

/** Names up to which comparing a new one with all of them takes less time than making a set of them. */
const FEW_NAMES = 16

/**
 * Names (roles, scopes) from claims that are each absent, null, an array of strings, or one string, which is split at
 * `separator` if there is one: a role may be a sentence, and its words are no roles. Duplicates and empty strings are left
 * out. None is dropped for their number: whoever keeps them says how many may be.
 * @returns NOT_NAMES when a member is not a string, is over 256 bytes or is no safe text
 */
export function names(claims: readonly unknown[], separator?: string | RegExp): string[] | typeof NOT_NAMES {
  const found: string[] = []
  let known: Set<string> | undefined // once there are more than a few
  for (const claim of claims) {
    if (claim === undefined || claim === null) continue
    const members: unknown = typeof claim === 'string' ? partsOf(claim, separator) : claim
    if (!Array.isArray(members)) return NOT_NAMES
    for (const member of members as unknown[]) {
      if (member === '') continue
      if (!isSafeText(member, MAX_NAME)) return NOT_NAMES
      if (known === undefined ? found.includes(member) : known.has(member)) continue
      found.push(member)
      if (known !== undefined) known.add(member)
      else if (found.length > FEW_NAMES) known = new Set(found)
    }
  }
  return found
}

function partsOf(claim: string, separator: string | RegExp | undefined): string[] {
  if (separator === undefined) return [claim]
  if (separator !== ' ') return claim.split(separator)
  const parts: string[] = []
  let from = 0
  for (let to = claim.indexOf(' '); to >= 0; to = claim.indexOf(' ', from)) {
    parts.push(claim.slice(from, to))
    from = to + 1
  }
  parts.push(claim.slice(from))
  return parts
}
