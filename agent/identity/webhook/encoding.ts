/** How a signature is written. One spelling for each value: what could be written twice could be shown twice. */
export type SignatureEncoding = 'hex' | 'base64' | 'base64url'

const FORMS: Readonly<Record<SignatureEncoding, RegExp>> = {
  // Small letters: every sender known writes them so.
  hex: /^(?:[0-9a-f]{2})+$/,
  base64: /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/,
  base64url: /^[A-Za-z0-9_-]+$/,
}

/** The bytes of a strictly written text; undefined when it is not, or when their number is another. */
export function decodeStrict(text: string, encoding: SignatureEncoding, length?: number): Buffer | undefined {
  if (text === '' || !FORMS[encoding].test(text)) return undefined
  const bytes = Buffer.from(text, encoding)
  // Spare bits at the end of base64 must be zero: written again it must be the same.
  if (bytes.toString(encoding) !== text) return undefined
  return length === undefined || bytes.length === length ? bytes : undefined
}
