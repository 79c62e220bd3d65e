const DOT = 46
const COLON = 58
const ZERO = 48

/** Where {@link parseIpv6} leaves its four 32-bit words, the highest first. */
export type Words = Uint32Array

/**
 * An IPv4 address in dotted form as a number of 32 bits; -1 when the text between the two positions is none. Makes no
 * garbage. Leading zeros are refused: some readers take them for octal.
 */
export function parseIpv4(text: string, from = 0, to = text.length): number {
  let value = 0
  let parts = 1
  let part = 0
  let digits = 0
  for (let i = from; i < to; i++) {
    const code = text.charCodeAt(i)
    if (code === DOT) {
      if (digits === 0 || parts === 4) return -1
      value = value * 256 + part
      parts++
      part = 0
      digits = 0
      continue
    }
    const digit = code - ZERO
    if (digit < 0 || digit > 9 || (digits > 0 && part === 0)) return -1
    part = part * 10 + digit
    digits++
    if (part > 255) return -1
  }
  return parts === 4 && digits > 0 ? value * 256 + part : -1
}

const GROUPS = new Uint16Array(8)

/**
 * Parses an IPv6 address (RFC 4291 section 2.2), shortened or not, with dotted IPv4 at its end or not. Zone ids are
 * refused: they mean something on one machine only. Makes no garbage.
 * @param into takes the address; untouched when the text is none
 * @returns whether the text is an address
 */
export function parseIpv6(text: string, into: Words): boolean {
  const { length } = text
  let count = 0
  let gapAt = -1
  let i = 0
  if (text.charCodeAt(0) === COLON) {
    if (text.charCodeAt(1) !== COLON) return false
    gapAt = 0
    i = 2
  }
  while (i < length) {
    if (count === 8) return false
    let value = 0
    let end = i
    for (; end < length && end - i <= 4; end++) {
      const digit = hexDigit(text.charCodeAt(end))
      if (digit < 0) break
      value = value * 16 + digit
    }
    if (text.charCodeAt(end) === DOT) {
      const v4 = parseIpv4(text, i)
      if (v4 < 0 || count > 6) return false
      GROUPS[count++] = v4 >>> 16
      GROUPS[count++] = v4 & 0xffff
      break
    }
    if (end === i || end - i > 4) return false
    GROUPS[count++] = value
    i = end
    if (i === length) break
    if (text.charCodeAt(i) !== COLON || i + 1 === length) return false
    i++
    if (text.charCodeAt(i) === COLON) {
      if (gapAt >= 0) return false
      gapAt = count
      i++
    }
  }
  if (gapAt < 0 ? count !== 8 : count > 7) return false
  spread(count, gapAt, into)
  return true
}

/** Puts the groups before the gap to the left and those after it to the right. */
function spread(count: number, gapAt: number, into: Words): void {
  into.fill(0)
  const zeros = 8 - count
  for (let i = 0; i < count; i++) {
    const place = gapAt >= 0 && i >= gapAt ? i + zeros : i
    const word = place >> 1
    const group = GROUPS[i] ?? 0
    into[word] = (into[word] ?? 0) | (place % 2 === 0 ? group << 16 : group)
  }
}

function hexDigit(code: number): number {
  if (code >= ZERO && code <= 57) return code - ZERO
  const letter = code | 32
  return letter >= 97 && letter <= 102 ? letter - 87 : -1
}
