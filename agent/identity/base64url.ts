import { isUtf8 } from 'node:buffer'

/** Last characters that leave no bits over, after 4n+1 and after 4n+2 characters. */
const LAST_OF_2 = 'AQgw'
const LAST_OF_3 = 'AEIMQUYcgkosw048'

/**
 * Whether a text holds what Node reads as a letter of base64url though it is none: the two letters of plain base64,
 * and characters beyond ASCII, of which it takes the low bytes. Once for a whole token: each of the three looks is a call.
 */
export function holdsForeignLetters(text: string): boolean {
  return text.includes('+') || text.includes('/') || Buffer.byteLength(text) !== text.length
}

/**
 * Whether a segment is the only spelling of the bytes it was decoded to, foreign letters apart. Node passes over what is no
 * letter of base64, or stops there, and then bytes are missing; it leaves spare bits alone. Half the time of writing the
 * bytes again and comparing.
 * @param decoded number of bytes
 */
function isOnlySpelling(segment: string, decoded: number): boolean {
  const { length } = segment
  if (length === 0 || decoded !== (length * 3) >> 2) return false
  const spare = length & 3
  if (spare === 0) return true
  return spare !== 1 && (spare === 2 ? LAST_OF_2 : LAST_OF_3).includes(segment.charAt(length - 1))
}

/** Takes what is decoded only to be read once: a Buffer for each segment would cost more than decoding it. */
const desk = Buffer.allocUnsafeSlow(8192)

/** The same for a signature, which is needed twice: when its form is judged, and when it is verified a moment later. */
const sealDesk = Buffer.allocUnsafeSlow(8192)
let sealText = ''
let seal = sealDesk.subarray(0, 0)

/** The bytes of a signature in base64url, spelt in whatever way. They lie where the next one will lie: for use at once only. */
export function decodedSignature(text: string): Buffer {
  if (text.length > sealDesk.length) return Buffer.from(text, 'base64url')
  if (text === sealText) return seal
  const length = sealDesk.write(text, 'base64url')
  // All signatures of one key are of one length, so the same view serves.
  if (seal.length !== length) seal = sealDesk.subarray(0, length)
  sealText = text
  return seal
}

/** Whether {@link canonicalBytes} would take a signature. @param text of which {@link holdsForeignLetters} is false */
export function isCanonicalSignature(text: string): boolean {
  return isOnlySpelling(text, decodedSignature(text).length)
}

/**
 * The bytes of a base64url segment (RFC 4648 section 5) that is their only spelling: no padding, no other character, no
 * spare bits, no lone character at the end.
 */
export function canonicalBytes(segment: string): Buffer | undefined {
  if (holdsForeignLetters(segment)) return undefined
  const bytes = Buffer.from(segment, 'base64url')
  return isOnlySpelling(segment, bytes.length) ? bytes : undefined
}

/**
 * The text of a segment that {@link canonicalBytes} would take and that holds UTF-8, else undefined.
 * @param segment of which {@link holdsForeignLetters} is false
 */
export function canonicalText(segment: string): string | undefined {
  if (segment.length > desk.length) {
    const bytes = canonicalBytes(segment)
    return bytes !== undefined && isUtf8(bytes) ? bytes.toString('utf8') : undefined
  }
  const length = desk.write(segment, 'base64url')
  if (!isOnlySpelling(segment, length)) return undefined
  const text = desk.toString('utf8', 0, length)
  // What is no UTF-8 becomes U+FFFD, which may also be what the text really says.
  return !text.includes('\ufffd') || isUtf8(desk.subarray(0, length)) ? text : undefined
}
