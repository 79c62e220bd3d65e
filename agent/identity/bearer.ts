import { denied, type Denied } from './reasons.ts'

/** Bytes. HAProxy's own buffer holds 16 KiB of headers; honest access tokens stay far below half of that. */
export const MAX_TOKEN_BYTES = 8192

const SCHEME = 'bearer'

/**
 * The bearer token of a request (RFC 6750 section 2.1), or why there is none.
 *
 *     credentials = "Bearer" 1*SP b64token      ; the scheme in any case (RFC 9110 section 11.1)
 *
 * A tab is no separator: `Bearer<TAB>x` is malformed. HAProxy's fetches disagree about two Authorization headers and both
 * reach the server, so two are refused, as is a comma, with which proxies join them.
 * @param authorization whole field value (`req.fhdr`), undefined when absent
 * @param headerCount number of Authorization fields (`req.fhdr_cnt`)
 */
export function extractBearer(authorization: string | undefined, headerCount: number): string | Denied {
  if (headerCount > 1) return denied('multiple_credentials')
  if (authorization === undefined || authorization === '') return denied('no_credentials')
  if (!startsWithBearer(authorization)) {
    return joinedBearer(authorization) ? denied('multiple_credentials') : denied('no_credentials')
  }
  let start = SCHEME.length
  while (authorization.charCodeAt(start) === 0x20) start++
  // A tab after the scheme, or nothing behind it.
  if (start === SCHEME.length || start === authorization.length) return denied('malformed_token')
  if (authorization.length - start > MAX_TOKEN_BYTES) return denied('token_too_large')
  if (authorization.includes(',', start)) return denied('multiple_credentials')
  return authorization.slice(start)
}

function startsWithBearer(value: string): boolean {
  if (!value.startsWith('Bearer') && value.slice(0, SCHEME.length).toLowerCase() !== SCHEME) return false
  const next = value.charCodeAt(SCHEME.length)
  return Number.isNaN(next) || next === 0x20 || next === 0x09
}

/** `Basic x, Bearer y`: another scheme first, ours joined to it. The commas of a Digest credential are its own. */
function joinedBearer(value: string): boolean {
  return value.length <= MAX_TOKEN_BYTES && value.split(',').some((part) => startsWithBearer(part.trim()))
}
