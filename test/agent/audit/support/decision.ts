import type { AuditDecision } from '../../../../agent/audit/decision.ts'
import { audit, type AuditSettings } from '../../../../agent/config/audit.ts'
import { type Identity, identityOf } from '../../../../agent/identity/identity.ts'

/** 2026-11-24T08:00:00Z, in milliseconds. */
export const AT = 1_795_507_200_000
export const PEPPER = 'a pepper of some length'
export const DIGEST = Buffer.alloc(32, 171).toString('base64url')

export function settings(value: object = {}): AuditSettings {
  return audit.parse({ to: 'stdout', ...value })
}

export function identity(known: Partial<Identity> = {}): Identity {
  return identityOf({
    provider: 'okta',
    method: 'jwt',
    issuer: 'https://okta.example',
    subject: '00u1',
    tenant: 'acme',
    roles: ['ops', 'dev'],
    scopes: ['orders:write'],
    claims: { preferred_username: 'ann', name: 'Ann Example', email: 'ann@example.com', secret: 'hunter2' },
    expiresAt: AT / 1000 + 540,
    issuedAt: AT / 1000 - 60,
    algorithm: 'RS256',
    keyId: '2026-11',
    credentialId: 'jti-1',
    session: 'sid-1',
    digest: DIGEST,
    confirmation: { x5t: 'x' },
    ...known,
  })
}

export function decision(known: Partial<AuditDecision> = {}): AuditDecision {
  return {
    at: AT,
    request: { id: 'R-1', method: 'POST', host: 'api.example.com', path: '/v1/x', source: '192.0.2.1', tls: true },
    decision: { allow: true, status: 200, reason: 'ok', rule: { name: 'deploy-ops' }, identity: identity() },
    cache: 'hit',
    keyAgeS: 120,
    staleKeys: false,
    durationS: 0.000_183,
    effect: { kind: 'signal', eventId: 'deploy-ops/R-1', workflowId: 'deploy-ops/00u1' },
    ...known,
  }
}

export const refusal = (known: Partial<AuditDecision['decision']> = {}): AuditDecision =>
  decision({
    decision: {
      allow: false,
      status: 401,
      reason: 'audience_mismatch',
      rule: { name: 'deploy-ops' },
      identity: undefined,
      ...known,
    },
    cache: 'miss',
    keyAgeS: undefined,
    staleKeys: undefined,
    effect: undefined,
  })
