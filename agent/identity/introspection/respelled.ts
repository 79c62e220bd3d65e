import { canonicalBytes } from '../base64url.ts'

/** `{`: the header of every JWS and JWE is JSON. */
const OPEN_BRACE = 0x7b

/**
 * Whether a token is a JWS or JWE in compact form (RFC 7515 section 7.1, RFC 7516 section 7.1) of which a segment is spelled
 * otherwise than anybody writes it: with padding, spare bits, or letters that are none. Many servers do not mind, so whoever
 * holds a token has it under as many digests as he likes, and a list of revoked ones names one of them.
 */
export function isRespelled(token: string): boolean {
  const segments = token.split('.', 6)
  if (segments.length !== 3 && segments.length !== 5) return false
  if (Buffer.from(segments[0] ?? '', 'base64url')[0] !== OPEN_BRACE) return false
  return segments.some((segment) => segment !== '' && canonicalBytes(segment) === undefined)
}
