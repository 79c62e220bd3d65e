import { describe, expect, it } from 'vitest'
import { createAuthenticator } from '../../../agent/identity/authenticator.ts'
import type { AuthResult } from '../../../agent/identity/identity.ts'
import { denyReasons, reasons } from '../../../agent/identity/reasons.ts'
import { decide } from '../../../agent/rules/decide.ts'
import type { Decision } from '../../../agent/rules/decision.ts'
import { evidenceOf } from '../identity/support/evidence.ts'
import { startJwksServer } from '../identity/support/jwks-server.ts'
import { memoryLog, provider, until } from '../identity/support/provider.ts'
import { signToken, testKey } from '../identity/support/tokens.ts'
import { authenticatorOf, identityOf, requestOf, rulesOf } from './support.ts'

const CREDENTIALS = evidenceOf({ authorization: 'Bearer x' })

function decideSync(yaml: string, method: string, path: string, answer: AuthResult, host?: string): Decision {
  const decision = decide(rulesOf(yaml), authenticatorOf(answer), requestOf(method, path, host), CREDENTIALS)
  if (decision instanceof Promise) throw new Error('decided asynchronously')
  return decision
}
const known = (partial = {}): AuthResult => ({ ok: true, identity: identityOf(partial) })
const unknown: AuthResult = { ok: false, reason: 'no_credentials' }

const ORDERS = `rules:
  - name: buyers
    match: { path: "/orders/**", when: '"buyer" in identity.roles' }
    identity: { require: corp, scopes: ["orders:write"] }
    route: orders
  - name: others
    match: { path: "/orders/**" }
    identity: { require: corp }
  - name: closed
    match: { path: "/closed" }
    deny: 404
  - name: posts
    match: { method: [POST, PUT], host: ["api.example.com", "*.tenants.example.com"], when: 'request.path.startsWith("/v")' }
    identity: none
`

describe('a decision', () => {
  it('is taken by the first rule that matches', () => {
    const decision = decideSync(ORDERS, 'GET', '/orders/1', known({ roles: ['buyer'], scopes: ['orders:write'] }))
    expect(decision).toMatchObject({ allow: true, reason: 'ok', rule: { name: 'buyers' } })
  })

  it('goes on to the next rule when the condition does not hold', () => {
    expect(decideSync(ORDERS, 'GET', '/orders/1', known())).toMatchObject({ allow: true, rule: { name: 'others' } })
  })

  it('is a denial when no rule matches', () => {
    expect(decideSync(ORDERS, 'GET', '/elsewhere', known())).toMatchObject({
      allow: false,
      status: 403,
      reason: 'default_denied',
      rule: undefined,
    })
  })

  it('takes the status of the default', () => {
    expect(decideSync('rules: []\ndefault: { deny: 404 }', 'GET', '/', known())).toMatchObject({ status: 404 })
  })

  it('never lets an unproven caller fall through to a later rule', () => {
    const yaml = `${ORDERS}  - { name: anyone, identity: none }\n`
    expect(decideSync(yaml, 'GET', '/orders/1', unknown)).toMatchObject({
      allow: false,
      status: 401,
      reason: 'no_credentials',
      rule: { name: 'buyers' },
    })
  })

  it('denies with 503, not 401, when keys are not there', () => {
    expect(decideSync(ORDERS, 'GET', '/orders/1', { ok: false, reason: 'keys_unavailable' })).toMatchObject({
      status: 503,
    })
  })

  it('asks for every scope of the rule', () => {
    expect(decideSync(ORDERS, 'GET', '/orders/1', known({ roles: ['buyer'] }))).toMatchObject({
      allow: false,
      status: 403,
      reason: 'insufficient_scope',
    })
  })

  it('takes the status of a rule that denies', () => {
    expect(decideSync(ORDERS, 'GET', '/closed', unknown)).toMatchObject({
      allow: false,
      status: 404,
      reason: 'policy_denied',
    })
  })

  it('matches methods, hosts and hosts below a name', () => {
    const status = (method: string, host: string): number => decideSync(ORDERS, method, '/v1', unknown, host).status
    expect(status('POST', 'api.example.com')).toBe(200)
    expect(status('PUT', 'acme.tenants.example.com')).toBe(200)
    expect(status('GET', 'api.example.com')).toBe(403)
    expect(status('POST', 'tenants.example.com')).toBe(403)
    expect(status('POST', 'evil-api.example.com')).toBe(403)
  })

  it('asks once who calls, however many rules want to know', () => {
    const authenticator = authenticatorOf(known())
    const decision = decide(rulesOf(ORDERS), authenticator, requestOf('GET', '/orders/1'), CREDENTIALS)
    expect(decision).toMatchObject({ allow: true, rule: { name: 'others' } })
    expect(authenticator.asked).toBe(1)
  })

  it('does not ask who calls when the rule does not', () => {
    const authenticator = authenticatorOf(unknown)
    void decide(rulesOf(ORDERS), authenticator, requestOf('GET', '/closed'), CREDENTIALS)
    expect(authenticator.asked).toBe(0)
  })

  it('denies when a condition fails, instead of taking it for "does not match"', () => {
    const yaml = `rules:
  - { name: gold, match: { when: 'identity.claims.plan == "gold"' }, identity: { require: corp }, deny: 403 }
  - { name: rest, identity: none }
`
    expect(decideSync(yaml, 'GET', '/', known())).toMatchObject({
      allow: false,
      status: 403,
      reason: 'policy_error',
      rule: { name: 'gold' },
    })
  })

  it('cannot be fooled by claims named like the prototype', () => {
    const yaml = `rules:\n  - { name: a, match: { when: 'has(identity.claims.constructor)' }, identity: { require: corp } }\n`
    expect(decideSync(yaml, 'GET', '/', known())).toMatchObject({ reason: 'default_denied' })
  })
})

describe('rules that ask the same caller for different scopes', () => {
  const SCOPES = `rules:
  - name: read
    match: { path: "/orders", method: GET }
    identity: { require: corp, scopes: [orders:read] }
  - name: write
    match: { path: "/orders", method: POST }
    identity: { require: corp, scopes: [orders:write] }
`

  it('each look at its scopes, though the token comes from the cache', async () => {
    const key = testKey('ES256', 'one')
    await using server = await startJwksServer()
    server.publish([key.jwk])
    const authenticator = createAuthenticator([provider(server.issuer, { audience: ['a'] })], { log: memoryLog() })
    authenticator.start()
    await until(() => authenticator.ready())
    try {
      const now = Math.floor(Date.now() / 1000)
      const claims = { iss: server.issuer, sub: 'alice', aud: 'a', exp: now + 600, scope: 'orders:read' }
      const evidence = evidenceOf({ authorization: `Bearer ${signToken(key, claims)}` })
      const ruleSet = rulesOf(SCOPES)
      const decided = async (method: string): Promise<[string, number]> => {
        const { reason, status } = await decide(ruleSet, authenticator, requestOf(method, '/orders'), evidence)
        return [reason, status]
      }
      const seen = []
      for (const method of ['GET', 'POST', 'GET', 'POST']) seen.push(await decided(method))
      const [ok, lacks] = [
        ['ok', 200],
        ['insufficient_scope', 403],
      ]
      expect(seen).toEqual([ok, lacks, ok, lacks])
      expect(authenticator.counters.cache).toMatchObject({ hits: 3 })
    } finally {
      authenticator.close()
    }
  })
})

describe('a decision that has to wait for the identity', () => {
  it('goes on where it stopped, and comes to the same result', async () => {
    let asked = 0
    const authenticator = authenticatorOf(() => (asked++ === 0 ? Promise.resolve(known()) : known()))
    const decision = decide(rulesOf(ORDERS), authenticator, requestOf('GET', '/orders/1'), CREDENTIALS)
    expect(decision).toBeInstanceOf(Promise)
    expect(await decision).toMatchObject({ allow: true, rule: { name: 'others' } })
  })

  it('asks the providers of each rule it tries', async () => {
    const yaml = `rules:
  - { name: a, match: { when: 'identity.tenant == "x"' }, identity: { require: corp } }
  - { name: b, identity: { require: other } }
`
    const seen: string[] = []
    const authenticator = authenticatorOf(async (providers) => {
      seen.push(providers.join())
      return known({ provider: providers[0] ?? '' })
    })
    const decision = await decide(rulesOf(yaml), authenticator, requestOf('GET', '/'), CREDENTIALS)
    expect(seen).toEqual(['corp', 'other'])
    expect(decision).toMatchObject({ allow: true, rule: { name: 'b' }, identity: { provider: 'other' } })
  })
})

describe('a rule with an optional caller', () => {
  const OPTIONAL = `rules:
  - name: gold
    match: { path: "/shop/**", when: 'identity.subject == "alice"' }
    identity: { require: corp, optional: true }
    route: gold
  - name: shop
    match: { path: "/shop/**" }
    identity: { require: corp, optional: true }
  - name: scoped
    match: { path: "/scoped" }
    identity: { require: corp, optional: true, scopes: [a] }
`

  it('takes who shows nothing for nobody, whose fields are empty', () => {
    expect(decideSync(OPTIONAL, 'GET', '/shop/1', unknown)).toMatchObject({
      allow: true,
      reason: 'ok',
      rule: { name: 'shop' },
      identity: undefined,
    })
  })

  it('knows who shows a credential', () => {
    const decision = decideSync(OPTIONAL, 'GET', '/shop/1', known({ subject: 'alice' }))
    expect(decision).toMatchObject({ allow: true, rule: { name: 'gold' }, identity: { subject: 'alice' } })
  })

  it('takes who shows no certificate for nobody, too, and refuses for every other reason', () => {
    const passed = denyReasons.filter((reason) => {
      const decision = decideSync(OPTIONAL, 'GET', '/shop/1', { ok: false, reason })
      if (!decision.allow) expect(decision).toMatchObject({ reason, status: reasons[reason].status })
      return decision.allow
    })
    expect(passed.toSorted()).toEqual(['client_cert_required', 'no_credentials'])
  })

  it('gives nobody a scope', () => {
    expect(decideSync(OPTIONAL, 'GET', '/scoped', unknown)).toMatchObject({
      allow: false,
      reason: 'insufficient_scope',
    })
  })
})

describe('a rule that fails open', () => {
  const OPEN = `rules:
  - name: admin
    match: { path: "/admin", when: '"admin" in identity.roles' }
    identity: { require: corp, failOpen: true }
  - name: open
    match: { path: "/open" }
    identity: { require: corp, failOpen: true, scopes: [a] }
    route: app
  - name: shut
    match: { path: "/shut" }
    identity: { require: corp, failOpen: true }
    deny: 403
`

  it('lets in unproven while the provider is away, and for no other reason', () => {
    const passed = denyReasons.filter((reason) => {
      const decision = decideSync(OPEN, 'GET', '/open', { ok: false, reason })
      expect(decision).toMatchObject(
        decision.allow
          ? { reason: 'fail_open', identity: undefined, rule: { name: 'open' } }
          : { reason, status: reasons[reason].status },
      )
      return decision.allow
    })
    expect(passed.toSorted()).toEqual([
      'forward_auth_unavailable',
      'introspection_unavailable',
      'keys_unavailable',
      'secrets_unavailable',
      'sts_unavailable',
    ])
  })

  it('stays shut while the provider is there: what one credential meets is no outage', () => {
    const there = Object.assign(authenticatorOf({ ok: false, reason: 'introspection_unavailable' }), {
      isAway: () => false,
    })
    const decision = decide(rulesOf(OPEN), there, requestOf('GET', '/open'), CREDENTIALS)
    expect(decision).toMatchObject({ allow: false, reason: 'introspection_unavailable' })
  })

  it.each(['optional', 'failOpen'])('goes not together with all of several (%s)', (option) => {
    const yaml = `rules:\n  - name: a\n    identity: { require: { all: [corp, other] }, ${option}: true }\n`
    expect(() => rulesOf(yaml)).toThrow(/"all" goes with neither/)
  })

  it('stays shut where the caller decides whether the rule matches', () => {
    const away: AuthResult = { ok: false, reason: 'keys_unavailable' }
    expect(decideSync(OPEN, 'GET', '/admin', away)).toMatchObject({ allow: false, reason: 'keys_unavailable' })
    expect(decideSync(OPEN, 'GET', '/shut', away)).toMatchObject({ allow: false })
  })
})
