import type { EdgeRequest } from './request.ts'
import type { IdentityProvider } from './identity-provider.ts'

/** What a request of the script must lead to. */
export interface Expectation {
  readonly status: number
  /** `reason` of the decision; `agent_silent` is HAProxy's own word for "nobody answered". */
  readonly reason: string
  readonly rule?: string
  /** Upstream that must have answered. */
  readonly upstream?: string
  /** Beginning of the WWW-Authenticate header. */
  readonly challenge?: string
  /** Identity headers that the upstream must have received, exactly these and no other. */
  readonly identity?: Readonly<Record<string, string>>
  readonly workflow?: WorkflowExpectation
}

export interface WorkflowExpectation {
  readonly type: 'requestHook' | 'auditTrail' | 'usageMeter'
  readonly id: (requestId: string) => string
  /** Completed workflows have a result; entities are asked by a query. */
  readonly read: 'result' | 'trail' | 'usage'
  /** Events that the entity must know when all is done. */
  readonly total?: number
}

export interface DemoRequest extends EdgeRequest {
  readonly name: string
  readonly expect: Expectation
}

const bearer = (token: string): Record<string, string> => ({ authorization: `Bearer ${token}` })

/** The scripted requests of `dev --once`, while everything runs. */
export async function demoRequests(identity: IdentityProvider): Promise<DemoRequest[]> {
  const now = Math.floor(Date.now() / 1000)
  const buyer = await identity.token('buyer', { scope: 'orders:read orders:write' })
  const buyerWithoutScope = await identity.token('buyer')
  const viewer = await identity.token('viewer')
  const admin = await identity.token('admin')
  const elsewhere = await identity.token('viewer', { audience: 'billing-api' })
  const expired = await identity.sign({ sub: 'viewer', iat: now - 7200, exp: now - 3600 })
  const forged = await identity.forge({ sub: 'viewer', iat: now, exp: now + 300 })
  const viewerHeaders = {
    'x-identity-subject': 'viewer',
    'x-identity-issuer': identity.issuer,
    'x-identity-tenant': 'globex',
    'x-identity-roles': 'viewer',
  }
  const metered = { type: 'usageMeter', id: () => 'api/globex', read: 'usage', total: 3 } as const
  const apiCall: Expectation = {
    status: 200,
    reason: 'ok',
    rule: 'api',
    upstream: 'app',
    identity: viewerHeaders,
    workflow: metered,
  }

  return [
    {
      name: 'health',
      method: 'GET',
      path: '/healthz',
      expect: { status: 200, reason: 'ok', rule: 'health', upstream: 'app', identity: {} },
    },
    {
      name: 'public page',
      method: 'GET',
      path: '/public/hello',
      expect: { status: 200, reason: 'ok', rule: 'public', upstream: 'app', identity: {} },
    },
    {
      name: 'no token',
      method: 'GET',
      path: '/api/usage',
      expect: { status: 401, reason: 'no_credentials', rule: 'api', challenge: 'Bearer realm=' },
    },
    {
      name: 'not a token',
      method: 'GET',
      path: '/api/usage',
      headers: bearer('nonsense'),
      expect: { status: 400, reason: 'malformed_token', rule: 'api', challenge: 'Bearer realm=' },
    },
    {
      name: 'expired token',
      method: 'GET',
      path: '/api/usage',
      headers: bearer(expired),
      expect: { status: 401, reason: 'expired', rule: 'api', challenge: 'Bearer realm=' },
    },
    {
      name: 'other audience',
      method: 'GET',
      path: '/api/usage',
      headers: bearer(elsewhere),
      expect: { status: 401, reason: 'audience_mismatch', rule: 'api', challenge: 'Bearer realm=' },
    },
    {
      name: 'forged signature',
      method: 'GET',
      path: '/api/usage',
      headers: bearer(forged),
      expect: { status: 401, reason: 'signature_invalid', rule: 'api', challenge: 'Bearer realm=' },
    },
    {
      name: 'two credentials',
      method: 'GET',
      path: '/api/usage',
      headers: { authorization: [`Bearer ${viewer}`, `Bearer ${buyer}`] },
      expect: { status: 400, reason: 'multiple_credentials', rule: 'api' },
    },
    {
      name: "buyer's order",
      method: 'POST',
      path: '/orders/42',
      headers: bearer(buyer),
      expect: {
        status: 200,
        reason: 'ok',
        rule: 'create-order',
        upstream: 'orders',
        identity: {
          'x-identity-subject': 'buyer',
          'x-identity-issuer': identity.issuer,
          'x-identity-tenant': 'acme',
          'x-identity-roles': 'buyer',
          'x-identity-plan': 'gold',
        },
        workflow: { type: 'requestHook', id: (requestId) => `create-order/${requestId}`, read: 'result' },
      },
    },
    {
      name: 'order without scope',
      method: 'POST',
      path: '/orders/42',
      headers: bearer(buyerWithoutScope),
      expect: { status: 403, reason: 'insufficient_scope', rule: 'create-order', challenge: 'Bearer realm=' },
    },
    {
      name: "viewer's inquiry",
      method: 'POST',
      path: '/orders/42',
      headers: bearer(viewer),
      expect: {
        status: 200,
        reason: 'ok',
        rule: 'order-inquiry',
        upstream: 'app',
        identity: viewerHeaders,
        workflow: { type: 'auditTrail', id: () => 'order-inquiry/viewer', read: 'trail', total: 1 },
      },
    },
    {
      name: 'viewer as admin',
      method: 'GET',
      path: '/admin/users',
      headers: bearer(viewer),
      expect: { status: 403, reason: 'policy_denied', rule: 'admin-only' },
    },
    {
      name: 'admin',
      method: 'GET',
      path: '/admin/users',
      headers: bearer(admin),
      expect: { status: 200, reason: 'ok', rule: 'admin', upstream: 'app' },
    },
    { name: 'API call 1', method: 'GET', path: '/api/usage', headers: bearer(viewer), expect: apiCall },
    { name: 'API call 2', method: 'GET', path: '/api/usage', headers: bearer(viewer), expect: apiCall },
    {
      name: 'forged identity',
      method: 'GET',
      path: '/api/usage',
      headers: {
        ...bearer(viewer),
        'X-Identity-Subject': 'root',
        X_Identity_Subject: 'root',
        'X-Identity_Roles': 'admin',
        'X_Identity-Roles': 'admin',
        'x-identity-extra': '1',
      },
      expect: apiCall,
    },
    {
      name: 'path trick',
      method: 'GET',
      path: '/public/../admin/users',
      expect: { status: 400, reason: 'ambiguous_path' },
    },
    {
      name: 'no rule',
      method: 'GET',
      path: '/nowhere',
      headers: bearer(viewer),
      expect: { status: 403, reason: 'default_denied' },
    },
  ]
}

/** And these once the agent has been stopped. */
export const SILENT_REQUESTS: readonly DemoRequest[] = [
  { name: 'agent stopped', method: 'GET', path: '/api/usage', expect: { status: 503, reason: 'agent_silent' } },
  {
    name: 'stopped, trick',
    method: 'GET',
    path: '/public/../api/usage',
    expect: { status: 503, reason: 'agent_silent' },
  },
  {
    name: 'stopped, public',
    method: 'GET',
    path: '/public/hello',
    expect: { status: 200, reason: 'none', upstream: 'app', identity: {} },
  },
]
