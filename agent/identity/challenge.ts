import { algorithms } from './algorithms.ts'
import { REFUSED_ALGORITHMS } from './dpop/proof-key.ts'
import { type DenyReason, reasons } from './reasons.ts'

export interface ChallengeOptions {
  /** Protection space (RFC 9110 section 11.5). */
  readonly realm: string
  /** Scopes that the caller needs, separated by spaces; told only with `insufficient_scope` and `no_credentials`. */
  readonly scope?: string
  /** URL of the protected resource metadata (RFC 9728 section 5.1); told with every 401. */
  readonly resourceMetadata?: string | undefined
  /** Whether tokens may, or must, come with a proof of their key: then clients are told of the scheme DPoP. */
  readonly proof?: 'optional' | 'required' | undefined
}

/** Algorithms of the proofs that we take (RFC 9449 section 7.1, `algs`): not the slow ones. */
const PROOF_ALGORITHMS = [...algorithms.keys()].filter((alg) => !REFUSED_ALGORITHMS.has(alg)).join(' ')

/**
 * Value of WWW-Authenticate for a reason (RFC 6750 section 3, RFC 9449 section 7.1), or '' where none belongs. Printable
 * ASCII only: whatever realm and scope hold, the value can neither end its quotes nor split a header.
 */
export function challenge(reason: DenyReason, options: ChallengeOptions): string {
  const { challenge: form } = reasons[reason]
  if (form === 'none') return ''
  if (form === 'invalid_dpop_proof' || form === 'use_dpop_nonce' || options.proof === 'required') {
    return ofScheme('DPoP', reason, options)
  }
  const bearer = ofScheme('Bearer', reason, options)
  // Who has shown nothing is told of both (RFC 9449 section 7.2); who has shown a token, of what was wrong with it.
  return form === 'bare' && options.proof === 'optional' ? `${bearer}, ${ofScheme('DPoP', reason, options)}` : bearer
}

function ofScheme(scheme: 'Bearer' | 'DPoP', reason: DenyReason, options: ChallengeOptions): string {
  const { challenge: form, description } = reasons[reason]
  let value = `${scheme} realm=${quoted(options.realm)}`
  if (form !== 'bare') value += `, error="${form}", error_description="${description}"`
  if (scheme === 'DPoP') value += `, algs="${PROOF_ALGORITHMS}"`
  if (options.resourceMetadata !== undefined && reasons[reason].status === 401) {
    value += `, resource_metadata=${quoted(options.resourceMetadata)}`
  }
  const scope = form === 'bare' || form === 'insufficient_scope' ? scopeValue(options.scope ?? '') : ''
  return scope === '' ? value : `${value}, scope="${scope}"`
}

/** quoted-string of RFC 9110 section 5.6.4, without the characters that some parsers of it get wrong. */
function quoted(text: string): string {
  return `"${text.replace(/[^\x20-\x7e]/g, '').replace(/["\\]/g, '\\$&')}"`
}

/** scope-token of RFC 6749 section 3.3: no quote, no backslash. */
function scopeValue(scope: string): string {
  return scope.replace(/[^\x20\x21\x23-\x5b\x5d-\x7e]/g, '').trim()
}
