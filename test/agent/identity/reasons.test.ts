import { describe, expect, it } from 'vitest'
import { denied, denyReasons, reasons } from '../../../agent/identity/reasons.ts'
import { docsPage, sectionAt } from '../../support/docs.ts'

describe('reasons', () => {
  it('each have one status, which clients and alerts rely on', () => {
    const statusOf = Object.fromEntries(denyReasons.map((reason) => [reason, reasons[reason].status]))
    expect(statusOf).toEqual({
      no_credentials: 401,
      multiple_credentials: 400,
      malformed_token: 400,
      token_too_large: 400,
      signature_invalid: 401,
      alg_not_allowed: 401,
      unknown_key: 401,
      unknown_issuer: 401,
      expired: 401,
      not_yet_valid: 401,
      issued_in_future: 401,
      lifetime_too_long: 401,
      audience_mismatch: 401,
      typ_mismatch: 401,
      claim_missing: 401,
      claim_invalid: 401,
      binding_missing: 401,
      binding_mismatch: 401,
      revoked: 401,
      inactive: 401,
      replayed: 401,
      dpop_missing: 401,
      dpop_invalid: 401,
      dpop_replayed: 401,
      dpop_nonce_required: 401,
      body_truncated: 400,
      ambiguous_host: 400,
      ambiguous_path: 400,
      client_cert_required: 403,
      client_cert_untrusted: 403,
      client_cert_expired: 403,
      client_cert_not_allowed: 403,
      insufficient_scope: 403,
      policy_denied: 403,
      policy_error: 403,
      redirected: 302,
      default_denied: 403,
      rate_limited: 429,
      keys_unavailable: 503,
      introspection_unavailable: 503,
      sts_unavailable: 503,
      forward_auth_unavailable: 503,
      secrets_unavailable: 503,
      revocation_unavailable: 503,
      event_not_stored: 503,
      overload: 503,
      timeout: 503,
      internal_error: 503,
    })
  })

  it('describes without characters that RFC 6750 forbids', () => {
    for (const reason of denyReasons) expect(reasons[reason].description).toMatch(/^[\x20\x21\x23-\x5b\x5d-\x7e]+$/)
  })

  it('shares one frozen result per reason', () => {
    expect(denied('expired')).toBe(denied('expired'))
    expect(Object.isFrozen(denied('expired'))).toBe(true)
  })

  it.each(denyReasons)('leads for %s to a place that tells of it', (reason) => {
    const [page = '', anchor = ''] = reasons[reason].doc.split('#')
    expect(sectionAt(docsPage(page), anchor)).toContain(`\`${reason}\``)
  })
})
