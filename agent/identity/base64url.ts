import { isUtf8 } from 'node:buffer'

/**
 * The bytes of a base64url segment (RFC 4648 section 5) that is their only spelling: no padding, no other character, no
 * spare bits, no lone character at the end. Writing them again finds all of that at once.
 */
export function canonicalBytes(segment: string): Buffer | undefined {
  const bytes = Buffer.from(segment, 'base64url')
  return bytes.length > 0 && bytes.toString('base64url') === segment ? bytes : undefined
}

/** Takes what is decoded only to be read once: a Buffer for each segment would cost more than decoding it. */
const desk = Buffer.allocUnsafeSlow(8192)

/** The text of a segment that {@link canonicalBytes} would take and that holds UTF-8, else undefined. */
export function canonicalText(segment: string): string | undefined {
  if (segment.length > desk.length) {
    const bytes = canonicalBytes(segment)
    return bytes !== undefined && isUtf8(bytes) ? bytes.toString('utf8') : undefined
  }
  const length = desk.write(segment, 'base64url')
  if (length === 0 || desk.toString('base64url', 0, length) !== segment) return undefined
  const text = desk.toString('utf8', 0, length)
  // What is no UTF-8 becomes U+FFFD, which may also be what the text really says.
  return !text.includes('\ufffd') || isUtf8(desk.subarray(0, length)) ? text : undefined
}
