import { canonicalText } from '../base64url.ts'
import { parseStrictObject } from '../strict-json.ts'
import { twinDigest } from '../token-digest.ts'

/** Objects and arrays that may be open at once in a header. */
const MAX_DEPTH = 16

/**
 * Digest of a JWT under the other signature that ECDSA allows, which its server would call active as well; undefined for
 * other tokens. Looks at nothing but the algorithm: what else such a token holds is its server's matter.
 * @param token printable ASCII
 */
export function twinOf(token: string): string | undefined {
  const [header = '', body, signature, more] = token.split('.', 4)
  if (body === undefined || signature === undefined || more !== undefined) return undefined
  const text = canonicalText(header)
  const alg = text === undefined ? undefined : parseStrictObject(text, MAX_DEPTH)?.['alg']
  return typeof alg === 'string' ? twinDigest({ alg, signed: `${header}.${body}`, signature }) : undefined
}
